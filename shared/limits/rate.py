"""A rate as a setting, a decision about one request, and the header fields that tell the caller."""

import re
from typing import Final

import msgspec

_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/(sec|min|hour)", re.ASCII)
_PERIOD_S: Final = {"sec": 1, "min": 60, "hour": 3600}


class Rate(msgspec.Struct, frozen=True):
    """At most `count` in any `per_s` seconds, wherever they begin."""

    count: int
    per_s: int

    @classmethod
    def parse(cls, text: str) -> "Rate | None":
        """`300/min`, with `sec`, `min` or `hour` and 1 to 999,999,999; None for `off`.

        Raises: ValueError with a sentence about what is expected, never the value.
        """
        if text == "off":
            return None
        found = _RATE.fullmatch(text)
        if not found:
            raise ValueError("must be off or a rate such as 300/min (from 1; per sec, min or hour)")
        return cls(int(found[1]), _PERIOD_S[found[2]])


class Decision(msgspec.Struct, frozen=True):
    """About one request. `remaining` more would be let in now, and more than that after `reset_s`.

    Seconds are whole, rounded up. `retry_after_s` is 0 for what is allowed; for a refusal it equals
    `reset_s`, and a request after it is let in unless others of the same subject came first.
    `limit` is 0 where there is none.
    """

    allowed: bool
    policy: str = ""
    window_s: int = 0
    limit: int = 0
    remaining: int = 0
    reset_s: int = 0

    @property
    def retry_after_s(self) -> int:
        """How long to wait after a refusal."""
        return 0 if self.allowed else self.reset_s


def headers(decision: Decision) -> dict[str, str]:
    """`RateLimit-Policy` and `RateLimit`, and for a refusal `Retry-After`; nothing where there is no limit.

    `t` and `Retry-After` name the same moment, as the draft asks.
    Source: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (structured fields)
    """
    if not decision.limit:
        return {}
    fields = {
        "RateLimit-Policy": f'"{decision.policy}";q={decision.limit};w={decision.window_s}',
        "RateLimit": f'"{decision.policy}";r={decision.remaining};t={decision.reset_s}',
    }
    return fields if decision.allowed else fields | {"Retry-After": str(decision.retry_after_s)}
