"""What each function reads of the environment, and what is wrong with it: found before anything is served."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from shared import config
from shared.auth import RoleBindings, check_url
from shared.errors import ConfigError
from shared.limits import Rate
from shared.policy import parse_access_policy

# Source: https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
SECRET_NAME: Final = re.compile(r"projects/[^/]+/secrets/[A-Za-z0-9_-]+/versions/(?:latest|[0-9]+)", re.ASCII)

_SERVED: Final = (
    config.PlaceSettings,
    config.RequestSettings,
    config.LimitSettings,
    config.AuthSettings,
    config.StateSettings,
)
_SOURCES: Final = (config.GcsSettings, config.FirestoreSettings, config.PodSettings)

# Which settings each function reads: all of them, and no others.
SETTINGS: Final[dict[str, tuple[type[Any], ...]]] = {
    "gcs": (*_SERVED, config.GcsSettings),
    "firestore": (*_SERVED, config.FirestoreSettings),
    "pods": (*_SERVED, config.PodSettings),
    "summary": (*_SERVED, *_SOURCES, config.SummarySettings),
    "health": (config.PlaceSettings, config.AuthSettings, config.StateSettings, *_SOURCES),
    "metrics": _SERVED,
}
# Functions that start without settings: they tell others how the service is when its settings are wrong.
UNSET_AT_START: Final = frozenset({"health"})


def checked(env: Mapping[str, str], function: str) -> dict[type[Any], Any]:
    """The settings of a function, each checked; those that are secrets are read at the first request,
    for this runs before the server forks, and a gRPC client must not be older than its process.

    Raises: SystemExit.
    """
    settings: dict[type[Any], Any] = {}
    faults: list[str] = []
    secrets = frozenset(name for name, value in env.items() if SECRET_NAME.fullmatch(value))
    for cls in () if function in UNSET_AT_START else SETTINGS[function]:
        try:
            settings[cls] = config.load(env, cls, deferred=secrets)
        except ConfigError as exc:
            faults += exc.faults
    if config.LimitSettings in settings:
        faults += _limit_faults(settings[config.LimitSettings])
    if config.AuthSettings in settings:
        faults += _auth_faults(settings[config.AuthSettings])
    if config.SummarySettings in settings:
        faults += _summary_faults(settings[config.SummarySettings], secrets)
    if faults:
        raise SystemExit(f"{function}: {ConfigError(faults)}")
    return settings


def _summary_faults(summary: config.SummarySettings, secrets: frozenset[str]) -> list[str]:
    """What is wrong with the settings that only the modules of summaries can judge."""
    from shared.summary import assembly

    return [fault for name, fault in assembly.faults(summary) if name not in secrets]


def _limit_faults(limits: config.LimitSettings) -> list[str]:
    faults = []
    for name, value in (("RATE_LIMIT", limits.rate_limit), ("AUTH_FAILURE_LIMIT", limits.auth_failure_limit)):
        try:
            Rate.parse(value)
        except ValueError as exc:
            faults.append(f"{name} {exc}")
    return faults


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
