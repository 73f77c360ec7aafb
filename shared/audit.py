"""The audit trail: one JSON line on stdout for each decision, allowed or denied.

It says who asked what of which route and what was decided; never a token, a parameter or a message.
Whatever a subject holds stays inside its JSON string: it cannot forge a second line. The line is
written whatever LOG_LEVEL says.
"""

import sys
from typing import Literal

import msgspec


class Decision(msgspec.Struct, kw_only=True):
    """One decision. `query_hash` is equal for equal questions; `returned` counts entries or items."""

    time: str
    request_id: str
    route: str
    sub: str = ""
    iss: str = ""
    role: str = ""
    source: str = ""
    decision: Literal["allowed", "denied"] = "allowed"
    reason: str = ""
    query_hash: str = ""
    returned: int = 0
    cache: str = ""


def write(decision: Decision) -> None:
    """Write the line, in one write."""
    line = {"audit": True, **msgspec.structs.asdict(decision)}
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()
