"""Settings: small frozen classes, one per concern, and the only names of variables.

A field's name in capitals is the variable's name. Every value is checked at the start of a process;
`load` reports every fault of a class at once and prints no value.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar
from zoneinfo import ZoneInfo

from shared.errors import ConfigError
from shared.layout import PathTemplate
from shared.secret import check_secret

Parse = Callable[[str], Any]
S = TypeVar("S")

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", re.ASCII)
_REDIS: Final = re.compile(r"(?:rediss?://[^\s/]+(?:/\d+)?|unix://\S+)", re.ASCII)
_VIEW: Final = re.compile(
    r"(?:projects|organizations|folders|billingAccounts)/[^/\s]+/locations/[^/\s]+/buckets/[^/\s]+/views/[^/\s]+"
)
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+", re.ASCII)


def setting(parse: Parse, default: Any = MISSING) -> Any:
    """A field read from the variable of its name by `parse`, which raises ValueError with a sentence
    about what is expected (never the value). Without a default it is required."""
    metadata = {"parse": parse}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


def text(value: str) -> str:
    """Any text."""
    return value


def number(low: float, high: float) -> Parse:
    """A number between bounds, whole when both bounds are."""

    def parse(value: str) -> float:
        whole = isinstance(low, int) and isinstance(high, int)
        try:
            result = int(value) if whole else float(value)
        except ValueError:
            raise ValueError(f"must be a {'whole ' if whole else ''}number") from None
        if not low <= result <= high:
            raise ValueError(f"must be from {low} to {high}")
        return result

    return parse


def items(parse: Parse) -> Parse:
    """A list separated by commas; blanks around items and empty items are dropped."""
    return lambda value: tuple(parse(item.strip()) for item in value.split(",") if item.strip())


def name(value: str) -> str:
    """A bucket's, namespace's or collection's name."""
    if not _NAME.fullmatch(value):
        raise ValueError("must be a name of lower-case letters, digits and - . _")
    return value


def prefix(value: str) -> str:
    """A folder of a bucket, with its `/` at the end."""
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError("must be folders such as trades/")
    return value if value.endswith("/") else value + "/"


def zone(value: str) -> ZoneInfo:
    """An IANA time zone."""
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        raise ValueError("must be a time zone such as UTC or Asia/Kolkata") from None


def origin(value: str) -> str:
    """A web origin, for CORS."""
    if not _ORIGIN.fullmatch(value):
        raise ValueError("must be origins such as https://dashboard.example.com")
    return value


def redis(value: str) -> str:
    """Where a Redis server is."""
    if not _REDIS.fullmatch(value):
        raise ValueError("must be a URL such as redis://host:6379/0, rediss://… or unix://…")
    return value


def view(value: str) -> str:
    """A log view's resource name. Source: https://cloud.google.com/logging/docs/logs-views"""
    if not _VIEW.fullmatch(value):
        raise ValueError("must be a log view such as projects/…/locations/…/buckets/…/views/…")
    return value


def level(value: str) -> str:
    """A level of the process's own log."""
    if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError("must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return value.upper()


@dataclass(frozen=True)
class PlaceSettings:
    """Where everything is: `LOCAL_DATA_DIR` set, on this machine; unset, in Google Cloud."""

    local_data_dir: Path | None = setting(Path, None)
    google_cloud_project: str = setting(text, "")
    firestore_project_id: str = setting(text, "")
    log_timezone: ZoneInfo = setting(zone, ZoneInfo("UTC"))

    @property
    def project(self) -> str:
        """The Google Cloud project."""
        return self.google_cloud_project or self.firestore_project_id

    def faults(self) -> list[str]:
        """Without a local directory there must be a project."""
        if self.local_data_dir is None and not self.project:
            return ["GOOGLE_CLOUD_PROJECT is required (or LOCAL_DATA_DIR, to read a local mirror)"]
        return []


@dataclass(frozen=True)
class RequestSettings:
    """What every request may use and how it is logged."""

    request_deadline_s: float = setting(number(0.1, 3500.0), 25.0)
    scan_max_bytes: int = setting(number(1, 1 << 40), 2 << 30)
    log_level: str = setting(level, "INFO")
    cors_origins: tuple[str, ...] = setting(items(origin), ())


def secret(value: str) -> str:
    """A key that nobody can guess."""
    if fault := check_secret(value):
        raise ValueError(fault)
    return value


@dataclass(frozen=True)
class LimitSettings:
    """How often a caller may ask; the rates themselves are read by the limits."""

    rate_limit: str = setting(text, "300/min")
    auth_failure_limit: str = setting(text, "600/min")
    trusted_proxy_hops: int = setting(number(0, 10), 0)


@dataclass(frozen=True)
class AuthSettings:
    """Who is believed."""

    log_aggregator_secret_key: str = setting(secret)
    cursor_key: str = setting(secret, "")
    jwt_issuer: str = setting(text, "")
    jwt_jwks_url: str = setting(text, "")
    jwt_audience: str = setting(text, "log-aggregator")
    google_jwks_url: str = setting(text, "https://www.googleapis.com/oauth2/v3/certs")
    role_bindings: str = setting(text, "")
    access_policy: str = setting(text, "")

    def faults(self) -> list[str]:
        """An issuer needs its keys, and must not be one of the other two."""
        if bool(self.jwt_issuer) != bool(self.jwt_jwks_url):
            return ["JWT_ISSUER and JWT_JWKS_URL are needed together"]
        if self.jwt_issuer in ("log-aggregator", "https://accounts.google.com"):
            return ["JWT_ISSUER must not be an issuer that is known without it"]
        return []


@dataclass(frozen=True)
class GcsSettings:
    """The log objects."""

    gcs_bucket_name: str = setting(name, "")
    gcs_buckets: tuple[str, ...] = setting(items(name), ())
    gcs_log_prefixes: tuple[str, ...] = setting(items(prefix), ("trades/", "reflections/", "strategies/"))

    required_in_cloud: ClassVar = ("gcs_bucket_name",)

    @property
    def buckets(self) -> tuple[str, ...]:
        """Every configured bucket, the main one first."""
        return tuple(dict.fromkeys(b for b in (self.gcs_bucket_name, *self.gcs_buckets) if b))


@dataclass(frozen=True)
class FirestoreSettings:
    """The log documents."""

    firestore_collections: tuple[PathTemplate, ...] = setting(
        items(PathTemplate.parse),
        (
            PathTemplate.parse("gpt_runner_trades/{bot}/{date}/{doc}"),
            PathTemplate.parse("gpt_runner_reflections/{bot}/days/{date}"),
        ),
    )


@dataclass(frozen=True)
class PodSettings:
    """The container logs."""

    kubernetes_namespace: str = setting(name, "gpt")
    kubernetes_namespaces: tuple[str, ...] = setting(items(name), ())
    gke_cluster: str = setting(text, "")
    logging_view: str = setting(view, "")
    logging_calls_per_minute: int = setting(number(1, 6000), 45)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Every configured namespace, the main one first."""
        return tuple(dict.fromkeys((self.kubernetes_namespace, *self.kubernetes_namespaces)))


@dataclass(frozen=True)
class SummarySettings:
    """Summaries: who words them, what that may cost, where they go. What is text here is read by the modules
    that know it."""

    openai_api_key: str = setting(text, "")
    openai_base_url: str = setting(text, "")
    openai_model: str = setting(text, "gpt-4o-mini")
    openai_max_output_tokens: int = setting(number(100, 32_000), 1000)
    openai_prices: str = setting(text, "")
    summary_daily_usd: float = setting(number(0.0, 100_000.0), 5.0)
    summary_rate_limit: str = setting(text, "10/min")
    summary_schedules: str = setting(text, "")
    market_hours: str = setting(text, "09:15-15:30 Asia/Kolkata")
    slack_webhook_url: str = setting(text, "")
    summary_webhook_url: str = setting(text, "")
    webhook_signing_key: str = setting(secret, "")

    def faults(self) -> list[str]:
        """Whoever gets a summary by webhook must be able to tell that it is ours."""
        if self.summary_webhook_url and not self.webhook_signing_key:
            return ["SUMMARY_WEBHOOK_URL needs WEBHOOK_SIGNING_KEY, to sign what is sent"]
        return []


@dataclass(frozen=True)
class StateSettings:
    """What must outlive an instance: in Redis, or with the rest of the data."""

    redis_url: str = setting(redis, "")


def load(env: Mapping[str, str], cls: type[S], *, deferred: frozenset[str] = frozenset()) -> S:
    """The settings of a class. A variable that is set to nothing counts as unset; one of `deferred` is
    set, but its value is not known yet: it has its default.

    Raises: ConfigError with every fault.
    """
    faults: list[str] = []
    values: dict[str, Any] = {}
    for one in fields(cls):  # type: ignore[arg-type]
        raw = env.get(one.name.upper(), "").strip()
        if one.name.upper() in deferred:
            values[one.name] = "" if one.default is MISSING else one.default
        elif raw:
            try:
                values[one.name] = one.metadata["parse"](raw)
            except ValueError as exc:
                faults.append(f"{one.name.upper()} {exc}")
        elif one.default is MISSING or (
            one.name in getattr(cls, "required_in_cloud", ()) and not env.get("LOCAL_DATA_DIR")
        ):
            faults.append(f"{one.name.upper()} is required")
    if faults:
        raise ConfigError(faults)
    settings = cls(**values)
    if deferred.intersection(variables(cls)):
        return settings
    if found := settings.faults() if hasattr(settings, "faults") else []:
        raise ConfigError(found)
    return settings


def variables(cls: type[Any]) -> dict[str, Field[Any]]:
    """The variables that a class reads, by name."""
    return {one.name.upper(): one for one in fields(cls)}
