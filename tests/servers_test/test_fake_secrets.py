"""The fake of Secret Manager, judged by Google's client."""

from collections.abc import Iterator
from typing import Any

import google_crc32c
import grpc
import pytest
from google.api_core import exceptions
from google.cloud.secretmanager import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from tests.servers.fake_secrets import FakeSecrets

SECRET = "projects/p/secrets/openai-key"


@pytest.fixture
def secrets() -> Iterator[FakeSecrets]:
    with FakeSecrets() as server:
        yield server


@pytest.fixture
def client(secrets: FakeSecrets) -> Iterator[Any]:
    channel = grpc.insecure_channel(secrets.host)
    yield SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))
    channel.close()


def access(client: Any, name: str) -> Any:
    return client.access_secret_version(name=name, retry=None, timeout=10)


def test_each_version_keeps_its_data(secrets: FakeSecrets, client: Any) -> None:
    """A version's bytes come with their checksum; latest is the newest, named by its number."""
    first = secrets.put(SECRET, b"one")
    secrets.put(SECRET, b"two\x00\xff")

    assert first == f"{SECRET}/versions/1"
    assert access(client, first).payload.data == b"one"
    newest = access(client, f"{SECRET}/versions/latest")
    assert (newest.name, newest.payload.data) == (f"{SECRET}/versions/2", b"two\x00\xff")
    assert newest.payload.data_crc32c == google_crc32c.value(b"two\x00\xff")


@pytest.mark.parametrize("name", [f"{SECRET}/versions/2", "projects/p/secrets/none/versions/latest"])
def test_what_does_not_exist_is_not_found(secrets: FakeSecrets, client: Any, name: str) -> None:
    """A missing version and a missing secret alike."""
    secrets.put(SECRET, b"one")

    with pytest.raises(exceptions.NotFound):
        access(client, name)


@pytest.mark.parametrize("name", ["openai-key", SECRET, f"{SECRET}/versions/0", f"{SECRET}/versions/x"])
def test_a_malformed_name_is_invalid(client: Any, name: str) -> None:
    """Only projects/P/secrets/S/versions/N and latest are names."""
    with pytest.raises(exceptions.InvalidArgument):
        access(client, name)


def test_a_denied_secret_does_not_tell_whether_it_exists(secrets: FakeSecrets, client: Any) -> None:
    """PERMISSION_DENIED comes for a secret that is there and for one that is not."""
    secrets.put(SECRET, b"one")
    secrets.deny(SECRET)
    secrets.deny("projects/p/secrets/none")

    for secret in (SECRET, "projects/p/secrets/none"):
        with pytest.raises(exceptions.PermissionDenied, match="or it may not exist"):
            access(client, f"{secret}/versions/1")


def test_a_disabled_version_is_a_failed_precondition(secrets: FakeSecrets, client: Any) -> None:
    """Other versions stay readable."""
    first = secrets.put(SECRET, b"one")
    second = secrets.put(SECRET, b"two")
    secrets.disable(SECRET, 1)

    with pytest.raises(exceptions.FailedPrecondition):
        access(client, first)
    assert access(client, second).payload.data == b"two"


def test_corrupt_data_does_not_have_its_checksum(secrets: FakeSecrets, client: Any) -> None:
    """A client that checks the checksum can see the damage."""
    name = secrets.put(SECRET, b"one")
    secrets.corrupt(SECRET)

    payload = access(client, name).payload

    assert google_crc32c.value(payload.data) != payload.data_crc32c


def test_the_journal_and_failures_are_those_of_every_fake(secrets: FakeSecrets, client: Any) -> None:
    """Each call is journaled with its name and deadline, refused ones too."""
    name = secrets.put(SECRET, b"one")
    secrets.fail(grpc.StatusCode.UNAVAILABLE)

    with pytest.raises(exceptions.ServiceUnavailable):
        access(client, name)
    access(client, name)

    assert [(call.method, call.request.name) for call in secrets.calls] == [("AccessSecretVersion", name)] * 2
    assert [round(call.deadline_s or 0) for call in secrets.calls] == [10, 10]


def test_what_the_service_cannot_hold_is_refused(secrets: FakeSecrets) -> None:
    """More than 64 KiB or a name without a project fails in the test that wrote it."""
    for secret, data in ((SECRET, bytes(65_537)), ("openai-key", b"x")):
        with pytest.raises(ValueError, match="64 KiB"):
            secrets.put(secret, data)
