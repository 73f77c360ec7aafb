"""Variables that set every setting and take every option of `infra/`."""

import json
from typing import Any, Final

from shared import config, wiring
from tests.infra.terraform import INFRA

# What stands for other settings or for another place, and is never set in the cloud.
NOT_IN_THE_CLOUD: Final = frozenset({"LOCAL_DATA_DIR", "FIRESTORE_PROJECT_ID"})
SECRETS: Final[tuple[str, ...]] = tuple(json.loads((INFRA / "secrets.json").read_text()))
# Those with a variable, a resource or a column of their own.
KNOWN: Final = frozenset(
    {
        "GCS_BUCKETS",
        "GCS_BUCKET_NAME",
        "GOOGLE_CLOUD_PROJECT",
        "JWT_AUDIENCE",
        "JWT_ISSUER",
        "JWT_JWKS_URL",
        "LOGGING_VIEW",
        "MARKET_HOURS",
        "REDIS_URL",
        "REQUEST_DEADLINE_S",
        "ROLE_BINDINGS",
        "SUMMARY_SCHEDULES",
    }
)


def read_by(function: str) -> set[str]:
    """The settings that a function reads, of those that the cloud sets; none for one that is not there."""
    return {
        name for cls in wiring.SETTINGS.get(function, ()) for name in config.variables(cls)
    } - NOT_IN_THE_CLOUD


ALL_SETTINGS: Final = frozenset(name for function in wiring.SETTINGS for name in read_by(function))
EVERYTHING: Final[dict[str, Any]] = {
    "settings": dict.fromkeys(sorted(ALL_SETTINGS - KNOWN - set(SECRETS)), "1") | {"LOG_LEVEL": "INFO"},
    "secret_versions": dict.fromkeys(SECRETS, 3),
    "more_buckets": ["gpt-runner-archive"],
    "create_database": True,
    "alert_emails": ["ops@example.com"],
    "token_signers": ["group:traders@example.com"],
    "role_bindings": {"admin": ["user:ops@example.com"]},
    "budget": {"billing_account": "000000-000000-000000", "monthly": 50},
    "redis": {},
}
