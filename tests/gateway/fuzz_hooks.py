"""What schemathesis is told of this API beyond its document; loaded by name, through SCHEMATHESIS_HOOKS."""

from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response

LEAST_FAIR_TIMEOUT_S = 1.0


@schemathesis.check
def no_server_error(ctx: CheckContext, response: Response, case: "Case[Any]") -> None:
    """No 5xx, but the 504 of a caller who gave the service next to no time."""
    if response.status_code == 504 and hurried(case.query):
        return
    assert response.status_code < 500, f"{response.status_code}: {response.text[:200]}"


def hurried(query: Any) -> bool:
    """Whether a request asked for less than a second."""
    value = (query or {}).get("timeout")
    try:
        return value is not None and float(value) < LEAST_FAIR_TIMEOUT_S
    except (TypeError, ValueError):
        return False
