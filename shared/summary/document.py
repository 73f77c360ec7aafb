"""A summary as callers get it: `POST /logs/summary`, `GET /logs/summary/{id}`, Slack and the webhook."""

from typing import Any, Final, Literal

import msgspec

from shared import instant
from shared.sources.source import Warn

Type = Literal["general", "errors", "performance", "security", "trends", "trading"]
TYPES: Final[tuple[Type, ...]] = ("general", "errors", "performance", "security", "trends", "trading")
Target = Literal["slack", "webhook"]
TARGETS: Final[tuple[Target, ...]] = ("slack", "webhook")
# A fact is counted or quoted; a hypothesis is the model's reading of facts.
Kind = Literal["fact", "hypothesis"]
RULES: Final = "rules"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence, and the entries that bear it out. `quote` stands word for word in one of them."""

    claim: str
    kind: Kind
    severity: str
    bots: tuple[str, ...]
    citations: tuple[str, ...]
    quote: str = ""


class ShownPattern(msgspec.Struct, frozen=True, kw_only=True):
    """A message template and its count; `first` and `last` are RFC 3339, `examples` entry ids."""

    pattern: str
    severity: str
    count: int
    first: str
    last: str
    examples: tuple[str, ...]


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the window the summary stands on: the counts of its patterns are `shown`, and with
    `omitted` they are `matched`."""

    matched: int
    shown: int
    omitted: int
    partial: bool
    warnings: tuple[Warn, ...] = ()


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What the model read, wrote and cost; zeros when there was none."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """Where a summary was sent. `pending` is tried again for 24 h, then it is `failed`."""

    target: Target
    state: Literal["delivered", "pending", "failed"]
    attempts: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer, but for `cache`, which belongs to the moment of answering.

    `window` and `facts` are JSON already. `generator` is a model's name or `rules`. Every text is plain and
    without secrets.
    """

    id: str
    created: str
    type: Type
    generator: str
    window: dict[str, Any]
    headline: str
    findings: tuple[Finding, ...]
    facts: dict[str, Any]
    patterns: tuple[ShownPattern, ...]
    recommended_checks: tuple[str, ...]
    coverage: Coverage
    usage: Usage
    deliveries: tuple[Delivery, ...] = ()


def created_text(now: int) -> str:
    """An instant as `created` has it."""
    return instant.to_text(now)
