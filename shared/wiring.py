"""The one place where things are put together, and the only reader of the environment.

Settings are read when a function's module is imported, so that a wrong one stops the start; what they
describe (sources, keys, stores) is built at first use and kept. Vendor libraries are imported by the
builder that needs them.
"""

import os
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
from shared.policy import parse_access_policy
from shared.redact import Redactor
from shared.search.cursor import Cursors

T = TypeVar("T")

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
    "health": (),
}


def door(function: str) -> Door:
    """The door of a function, from its settings; its log is set up on the way.

    Raises: SystemExit, with one message that names every fault of every setting.
    """
    settings = _checked(function)
    request: config.RequestSettings = settings.get(config.RequestSettings, config.RequestSettings())
    log.setup(function, request.log_level)
    if config.AuthSettings not in settings:
        return Door(name=function)
    auth: config.AuthSettings = settings[config.AuthSettings]
    return Door(
        name=function,
        verifier=_verifier,
        cursors=Cursors((auth.cursor_key or auth.log_aggregator_secret_key).encode()),
        narrowing=parse_access_policy(auth.access_policy),
        deadline_s=request.request_deadline_s,
        scan_max_bytes=request.scan_max_bytes,
        cors_origins=request.cors_origins,
    )


def _checked(function: str) -> dict[type[Any], Any]:
    """The settings of a function, each checked. Raises: SystemExit."""
    settings: dict[type[Any], Any] = {}
    faults: list[str] = []
    for cls in SETTINGS[function]:
        try:
            settings[cls] = _settings(cls)
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
    return config.load(os.environ, cls)


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
def redactor() -> Redactor:
    """Takes secrets out; its placeholders are equal on every instance that has the same key."""
    return Redactor(_settings(config.AuthSettings).log_aggregator_secret_key.encode())


@cache
def gcs_source() -> Any:
    """The log objects."""
    from shared.sources.gcs_local import LocalObjects
    from shared.sources.objects import ObjectLogs

    place, settings = _settings(config.PlaceSettings), _settings(config.GcsSettings)
    store = LocalObjects(_local(place) / "gcs", settings.buckets)
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


def _local(place: config.PlaceSettings) -> Path:
    assert place.local_data_dir is not None  # noqa: S101 - checked by the settings
    return place.local_data_dir


_BUILDERS: Final[tuple[Callable[[], Any], ...]] = (
    _verifier,
    redactor,
    gcs_source,
    firestore_source,
    pods_source,
)


def reset() -> None:
    """Forget what was built: for tests that change the environment."""
    for builder in _BUILDERS:
        builder.cache_clear()  # type: ignore[attr-defined]
