"""A fake of Secret Manager's AccessSecretVersion.

Source: https://cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1
"""

import re
from typing import Any

import google_crc32c
import grpc
from google.cloud.secretmanager_v1.types import (
    AccessSecretVersionRequest,
    AccessSecretVersionResponse,
    SecretPayload,
)

from tests.servers.grpc_server import GrpcFake

MAX_BYTES = 65_536
_SECRET = re.compile(r"projects/[^/]+/secrets/[A-Za-z0-9_-]{1,255}")
_VERSION = re.compile(rf"({_SECRET.pattern})/versions/(latest|[1-9][0-9]*)")


class FakeSecrets(GrpcFake):
    """A running server; see GrpcFake for the journal, delays and failures."""

    def __init__(self) -> None:
        self._versions: dict[str, list[bytes]] = {}
        self._disabled: set[tuple[str, int]] = set()
        self._denied: set[str] = set()
        self._corrupt: set[str] = set()
        super().__init__(
            "google.cloud.secretmanager.v1.SecretManagerService",
            {"AccessSecretVersion": (AccessSecretVersionRequest, self._access)},
        )

    def put(self, secret: str, data: bytes) -> str:
        """Adds a version to `projects/P/secrets/S` and returns its resource name.

        Raises: ValueError for a malformed name or more than 64 KiB.
        """
        if not _SECRET.fullmatch(secret) or len(data) > MAX_BYTES:
            raise ValueError("wants projects/P/secrets/S and at most 64 KiB")
        with self.lock:
            versions = self._versions.setdefault(secret, [])
            versions.append(data)
            return f"{secret}/versions/{len(versions)}"

    def disable(self, secret: str, version: int) -> None:
        """That version answers FAILED_PRECONDITION from now on."""
        self._disabled.add((secret, version))

    def deny(self, secret: str) -> None:
        """Every access to the secret is PERMISSION_DENIED, whether it exists or not."""
        self._denied.add(secret)

    def corrupt(self, secret: str) -> None:
        """The data no longer has the checksum that is sent with it."""
        self._corrupt.add(secret)

    def _access(self, request: Any, context: Any) -> Any:
        match = _VERSION.fullmatch(request.name)
        if match is None:
            return context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The provided resource name is invalid.")
        secret, wanted = match[1], match[2]
        if secret in self._denied:
            context.abort(
                grpc.StatusCode.PERMISSION_DENIED,
                "Permission 'secretmanager.versions.access' denied for resource "
                f"'{request.name}' (or it may not exist).",
            )
        with self.lock:
            versions = list(self._versions.get(secret, []))
        if not versions:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Secret [{secret}] not found or has no versions.")
        number = len(versions) if wanted == "latest" else int(wanted)
        name = f"{secret}/versions/{number}"
        if number > len(versions):
            context.abort(grpc.StatusCode.NOT_FOUND, f"Secret Version [{name}] not found.")
        if (secret, number) in self._disabled:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION, f"Secret Version [{name}] is in DISABLED state."
            )
        data = versions[number - 1]
        checksum = google_crc32c.value(data)
        if secret in self._corrupt:
            data += b"?"
        return AccessSecretVersionResponse(name=name, payload=SecretPayload(data=data, data_crc32c=checksum))
