"""The one place where things are put together, and the only reader of the environment.

Settings are read when a function's module is imported, so that a wrong one stops the start; what they
describe (sources, keys, stores) is built at first use and kept. Vendor libraries are imported by the
builder that needs them.
"""

import os
import re
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from shared import config, log
from shared.auth import (
    GoogleIssuer,
    HmacIssuer,
    Issuer,
    JwksIssuer,
    KeySet,
    RoleBindings,
    Verifier,
    check_url,
)
from shared.endpoint import Door
from shared.errors import ConfigError
from shared.health import Checks
from shared.policy import Grant, Role, parse_access_policy
from shared.redact import Redactor
from shared.search.cursor import Cursors

T = TypeVar("T")

# Source: https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
SECRET_NAME: Final = re.compile(r"projects/[^/]+/secrets/[A-Za-z0-9_-]+/versions/(?:latest|[0-9]+)", re.ASCII)
SECRET_DEADLINE_S: Final = 5.0

# Which settings each function reads: all of them, and no others.
SETTINGS: Final[dict[str, tuple[type[Any], ...]]] = {
    "gcs": (config.PlaceSettings, config.RequestSettings, config.AuthSettings, config.GcsSettings),
    "firestore": (
        config.PlaceSettings,
        config.RequestSettings,
        config.AuthSettings,
        config.FirestoreSettings,
    ),
    "pods": (config.PlaceSettings, config.RequestSettings, config.AuthSettings, config.PodSettings),
    "health": (
        config.PlaceSettings,
        config.AuthSettings,
        config.GcsSettings,
        config.FirestoreSettings,
        config.PodSettings,
    ),
}
# Functions that start without settings: they tell others how the service is when its settings are wrong.
UNSET_AT_START: Final = frozenset({"health"})


def door(function: str) -> Door:
    """The door of a function, from its settings; its log is set up on the way.

    Raises: SystemExit, with one message that names every fault of every setting.
    """
    settings = _checked(function)
    request: config.RequestSettings = settings.get(config.RequestSettings, config.RequestSettings())
    log.setup(function, request.log_level)
    return Door(
        name=function,
        verifier=_verifier,
        cursors=_cursors,
        narrowing=_narrowing,
        deadline_s=request.request_deadline_s,
        scan_max_bytes=request.scan_max_bytes,
        cors_origins=request.cors_origins,
    )


def _checked(function: str) -> dict[type[Any], Any]:
    """The settings of a function, each checked; those that are secrets are read at the first request,
    for this runs before the server forks, and a gRPC client must not be older than its process.

    Raises: SystemExit.
    """
    settings: dict[type[Any], Any] = {}
    faults: list[str] = []
    secrets = frozenset(name for name, value in os.environ.items() if SECRET_NAME.fullmatch(value))
    for cls in () if function in UNSET_AT_START else SETTINGS[function]:
        try:
            settings[cls] = config.load(os.environ, cls, deferred=secrets)
        except ConfigError as exc:
            faults += exc.faults
    if config.AuthSettings in settings:
        faults += _auth_faults(settings[config.AuthSettings])
    if faults:
        raise SystemExit(f"{function}: {ConfigError(faults)}")
    return settings


def _auth_faults(auth: config.AuthSettings) -> list[str]:
    """What is wrong with the settings that only the modules can judge that read them."""
    checks: tuple[tuple[str, str, Callable[[str], object]], ...] = (
        ("JWT_JWKS_URL", auth.jwt_jwks_url, check_url),
        ("GOOGLE_JWKS_URL", auth.google_jwks_url, check_url),
        ("ROLE_BINDINGS", auth.role_bindings, RoleBindings.parse),
        ("ACCESS_POLICY", auth.access_policy, parse_access_policy),
    )
    faults = []
    for name, value, check in checks:
        try:
            if value:
                check(value)
        except ValueError as exc:
            faults.append(f"{name} {exc}")
    return faults


def _settings(cls: type[T]) -> T:
    """Settings, secrets included. Raises: ConfigError."""
    values = {name: os.environ[name] for name in config.variables(cls) if name in os.environ}
    for name, value in values.items():
        if SECRET_NAME.fullmatch(value):
            values[name] = _secret(name, value)
    values["LOCAL_DATA_DIR"] = os.environ.get("LOCAL_DATA_DIR", "")
    return config.load(values, cls)


@cache
def _secret(setting: str, name: str) -> str:
    """A secret's text, read once per instance. Raises: ConfigError, which names the setting only."""
    import google_crc32c
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

    try:
        if host := os.environ.get("SECRET_MANAGER_EMULATOR_HOST"):
            client = SecretManagerServiceClient(transport=_plaintext(host))
        else:
            client = SecretManagerServiceClient()
        payload = client.access_secret_version(name=name, timeout=SECRET_DEADLINE_S, retry=None).payload
        if payload.data_crc32c and payload.data_crc32c != google_crc32c.value(payload.data):
            raise ConfigError([f"{setting} names a secret that arrived damaged"])
        return payload.data.decode("utf-8")
    except (GoogleAPIError, GoogleAuthError, UnicodeDecodeError) as exc:
        raise ConfigError([f"{setting} names a secret that cannot be read"]) from exc


def _plaintext(host: str) -> Any:
    """The gRPC transport of an emulator."""
    import grpc
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
        SecretManagerServiceGrpcTransport,
    )

    return SecretManagerServiceGrpcTransport(channel=grpc.insecure_channel(host))


@cache
def _verifier() -> Verifier:
    auth = _settings(config.AuthSettings)
    issuers: list[Issuer] = [HmacIssuer(auth.log_aggregator_secret_key.encode())]
    if auth.jwt_issuer:
        issuers.append(JwksIssuer(auth.jwt_issuer, KeySet(auth.jwt_jwks_url)))
    if auth.role_bindings:
        # Without a binding nobody of Google's may do anything: then their tokens cost no fetch of keys.
        issuers.append(GoogleIssuer(KeySet(auth.google_jwks_url)))
    return Verifier(issuers, auth.jwt_audience, RoleBindings.parse(auth.role_bindings), time.time)


@cache
def _cursors() -> Cursors:
    auth = _settings(config.AuthSettings)
    return Cursors((auth.cursor_key or auth.log_aggregator_secret_key).encode())


@cache
def _narrowing() -> dict[Role, Grant]:
    return parse_access_policy(_settings(config.AuthSettings).access_policy)


@cache
def redactor() -> Redactor:
    """Takes secrets out; its placeholders are equal on every instance that has the same key."""
    return Redactor(_settings(config.AuthSettings).log_aggregator_secret_key.encode())


@cache
def gcs_source() -> Any:
    """The log objects."""
    from shared.sources.gcs import CloudObjects
    from shared.sources.gcs_local import LocalObjects
    from shared.sources.object_store import ObjectStore
    from shared.sources.objects import ObjectLogs

    place, settings = _settings(config.PlaceSettings), _settings(config.GcsSettings)
    store: ObjectStore = CloudObjects(settings, place.project)
    if place.local_data_dir is not None:
        store = LocalObjects(place.local_data_dir / "gcs", settings.buckets)
    return ObjectLogs(store, settings, place.log_timezone, redactor())


@cache
def firestore_source() -> Any:
    """The log documents."""
    from shared.sources.documents import DocumentLogs
    from shared.sources.firestore_local import LocalDocuments

    place, settings = _settings(config.PlaceSettings), _settings(config.FirestoreSettings)
    store = LocalDocuments(_local(place) / "firestore")
    return DocumentLogs(store, settings, place.log_timezone, redactor())


@cache
def pods_source() -> Any:
    """The container logs."""
    from shared.sources.pods_local import PodLogs

    place, settings = _settings(config.PlaceSettings), _settings(config.PodSettings)
    return PodLogs(_local(place) / "pods", settings, redactor())


@cache
def health_checks() -> Checks:
    """How the sources are. They are built inside of their checks: one that cannot be built is down."""
    return Checks(
        {
            "gcs": lambda deadline_s: gcs_source().check(deadline_s),
            "firestore": lambda deadline_s: firestore_source().check(deadline_s),
            "pods": lambda deadline_s: pods_source().check(deadline_s),
        }
    )


def _local(place: config.PlaceSettings) -> Path:
    assert place.local_data_dir is not None  # noqa: S101 - checked by the settings
    return place.local_data_dir


_BUILDERS: Final[tuple[Callable[[], Any], ...]] = (
    _secret,
    _verifier,
    _cursors,
    _narrowing,
    redactor,
    gcs_source,
    firestore_source,
    pods_source,
    health_checks,
)


def reset() -> None:
    """Forget what was built: for tests that change the environment."""
    for builder in _BUILDERS:
        builder.cache_clear()  # type: ignore[attr-defined]
