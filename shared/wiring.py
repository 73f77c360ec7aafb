"""The one place where things are put together, and the only reader of the environment.

Settings are read when a function's module is imported, so that a wrong one stops the start; what they
describe (sources, keys, stores) is built at first use and kept. Vendor libraries are imported by the
builder that needs them.
"""

import atexit
import gc
import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from shared import config, log, metrics
from shared.auth import (
    GoogleIssuer,
    HmacIssuer,
    Issuer,
    JwksIssuer,
    KeySet,
    RoleBindings,
    Verifier,
)
from shared.cache import AnswerCache
from shared.endpoint import Door
from shared.errors import ConfigError
from shared.health import Checks
from shared.limits import Limiter, Limiters, Rate
from shared.metrics import table
from shared.policy import Grant, Role, parse_access_policy
from shared.redact import Redactor
from shared.search.cursor import Cursors
from shared.start import SECRET_NAME, SETTINGS, UNSET_AT_START, checked

if TYPE_CHECKING:
    from shared.state import GuardedStore, StateStore
    from shared.summary import assembly

T = TypeVar("T")
__all__ = ["SETTINGS", "UNSET_AT_START", "door", "reset"]

SECRET_DEADLINE_S: Final = 5.0


def door(function: str) -> Door:
    """The door of a function, from its settings; its log is set up on the way.

    Raises: SystemExit, with one message that names every fault of every setting.
    """
    # Reading a window makes hundreds of thousands of objects and no cycles: with the defaults the collector
    # looks at all of them again and again, a third of a query's time.
    gc.set_threshold(50_000, 20, 100)
    settings = checked(os.environ, function)
    request: config.RequestSettings = settings.get(config.RequestSettings, config.RequestSettings())
    # Not from the settings, which may be faulty where this is not: it only makes traces easier to find.
    project = os.environ.get("GOOGLE_CLOUD_PROJECT") or os.environ.get("FIRESTORE_PROJECT_ID") or ""
    log.setup(function, request.log_level, project)
    return Door(
        name=function,
        verifier=_verifier,
        cursors=_cursors,
        narrowing=_narrowing,
        deadline_s=request.request_deadline_s,
        scan_max_bytes=request.scan_max_bytes,
        cors_origins=request.cors_origins,
        limiters=_limiters_of(function),
        cache=lambda: _answer_cache(os.getpid()),
        salt=lambda: _salt(function),
        fold=lambda: _folder(function, os.getpid()).fold_if_due(),
    )


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


def _limiters_of(function: str) -> Callable[[], Limiters] | None:
    if config.LimitSettings not in SETTINGS[function]:
        return None
    return lambda: _limiters(config.SummarySettings in SETTINGS[function])


@cache
def _limiters(summaries: bool) -> Limiters:
    limits = _settings(config.LimitSettings)
    key = _settings(config.AuthSettings).log_aggregator_secret_key.encode()[:64]

    def limiter(rate: str, name: str) -> Limiter:
        return Limiter(Rate.parse(rate), name, time.time, state_store(), key=key)

    summary = limiter(_settings(config.SummarySettings).summary_rate_limit, "summary") if summaries else None
    return Limiters(
        limiter(limits.rate_limit, "read"),
        limiter(limits.auth_failure_limit, "auth"),
        limits.trusted_proxy_hops,
        summary,
    )


@cache
def _answer_cache(_pid: int) -> AnswerCache:
    # A lease is a write of its own: with Firestore one write a request is all there is.
    return AnswerCache(state_store(), time.time, leases=_bare_store()[0] != "firestore")


@cache
def _salt(function: str) -> str:
    """Stands for the versions of code and settings: an answer of others is not ours."""
    settings = [repr(_settings(cls)) for cls in SETTINGS[function]]
    code = [
        (path.name, path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(Path(__file__).parent.rglob("*.py"))
    ]
    revision = os.environ.get("K_REVISION", "")
    return hashlib.sha256(repr((settings, code, revision)).encode()).hexdigest()


@cache
def redactor() -> Redactor:
    """Takes secrets out; its placeholders are equal on every instance that has the same key."""
    return Redactor(_settings(config.AuthSettings).log_aggregator_secret_key.encode())


@cache
def gcs_source() -> Any:
    """The log objects."""
    from shared.sources.gcs import CloudObjects
    from shared.sources.gcs_calls import Calls
    from shared.sources.gcs_local import LocalObjects
    from shared.sources.object_store import ObjectStore
    from shared.sources.objects import ObjectLogs

    place, settings = _settings(config.PlaceSettings), _settings(config.GcsSettings)
    store: ObjectStore = CloudObjects(settings, Calls(place.project))
    if place.local_data_dir is not None:
        store = LocalObjects(place.local_data_dir / "gcs", settings.buckets)
    return ObjectLogs(store, settings, place.log_timezone, redactor())


@cache
def firestore_source() -> Any:
    """The log documents."""
    from shared.sources.document_store import DocumentStore
    from shared.sources.documents import DocumentLogs
    from shared.sources.firestore import CloudDocuments
    from shared.sources.firestore_local import LocalDocuments

    place, settings = _settings(config.PlaceSettings), _settings(config.FirestoreSettings)
    store: DocumentStore = CloudDocuments(lambda: _firestore_client(place.project))
    if place.local_data_dir is not None:
        store = LocalDocuments(place.local_data_dir / "firestore")
    return DocumentLogs(store, settings, place.log_timezone, redactor())


@cache
def pods_source() -> Any:
    """The container logs."""
    place, settings = _settings(config.PlaceSettings), _settings(config.PodSettings)
    if place.local_data_dir is not None:
        from shared.sources.pods_local import PodLogs

        return PodLogs(place.local_data_dir / "pods", settings, redactor())

    from shared.sources.call_budget import MinuteBudget
    from shared.sources.cloud_logging import CloudPodLogs
    from shared.sources.logging_calls import LoggingCalls

    calls = LoggingCalls(
        place.project,
        MinuteBudget(settings.logging_calls_per_minute),
        view=settings.logging_view,
        host=os.environ.get("LOGGING_EMULATOR_HOST", ""),
    )
    return CloudPodLogs(calls, settings, redactor())


@cache
def summaries() -> "assembly.Service":
    """What makes and keeps summaries."""
    from shared.summary import assembly

    place = _settings(config.PlaceSettings)
    return assembly.service(
        _settings(config.SummarySettings),
        sources={"gcs": gcs_source, "firestore": firestore_source, "pods": pods_source},
        redactor=redactor(),
        zone=place.log_timezone,
        project="" if place.local_data_dir else place.project,
        store=state_store(),
        clock=time.time,
        salt=_salt("summary"),
        deadline_s=_settings(config.RequestSettings).request_deadline_s,
        max_bytes=_settings(config.RequestSettings).scan_max_bytes,
    )


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


def revision() -> str:
    """The revision of this service that answers. Source: https://cloud.google.com/run/docs/container-contract"""
    return os.environ.get("K_REVISION") or "local"


@cache
def state_store() -> "GuardedStore":
    """What outlives an instance. Raises: ConfigError. A store that is broken is found out by its calls."""
    from shared.state import GuardedStore

    kind, store = _bare_store()
    return GuardedStore(
        store,
        on_failure=lambda operation, _reason: metrics.add(
            table.STORE_ERRORS, store=kind, operation=operation
        ),
    )


def _bare_store() -> "tuple[str, StateStore]":
    from shared.state import FirestoreStore, RedisStore, SqliteStore

    place, state = _settings(config.PlaceSettings), _settings(config.StateSettings)
    if state.redis_url:
        return "redis", RedisStore(state.redis_url, time.time)
    if place.local_data_dir:
        return "sqlite", SqliteStore(place.local_data_dir / "state.db", time.time)
    return "firestore", FirestoreStore(lambda: _firestore_client(place.project), time.time)


def _firestore_client(project: str) -> Any:
    from google.cloud.firestore import Client

    return Client(project=project)


@cache
def _folder(function: str, _process: int) -> metrics.Folder:
    """What brings a process's counts into the store, the last of them at its end.

    gunicorn's workers end on SIGTERM by leaving the interpreter, when their requests are answered.
    """
    folder = metrics.Folder(metrics.process, state_store, function)
    atexit.register(_fold_at_the_end, folder)
    metrics.add(table.COLD_STARTS, function=function)
    return folder


def _fold_at_the_end(folder: metrics.Folder) -> None:
    """What is left goes to the store; a function that runs without settings has none."""
    with suppress(ConfigError):
        folder.fold_all()


_BUILDERS: Final[tuple[Callable[..., Any], ...]] = (
    _secret,
    _verifier,
    _cursors,
    _narrowing,
    _limiters,
    _answer_cache,
    _salt,
    redactor,
    gcs_source,
    firestore_source,
    pods_source,
    summaries,
    health_checks,
    state_store,
    _folder,
)


def reset() -> None:
    """Forget what was built: for tests that change the environment."""
    for builder in _BUILDERS:
        builder.cache_clear()  # type: ignore[attr-defined]
    metrics.process.forget()
