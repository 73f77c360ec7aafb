"""Summaries kept for 90 days, and listed newest first.

Each is stored under its id with the policy that it was made with: who may see less than that may not read it.
A small card beside it, under its month, is what listings read.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from shared import instant
from shared.policy import Policy
from shared.state import GuardedStore
from shared.summary.document import RULES, Summary, Type

KEPT_DAYS: Final = 90
KEPT_S: Final = KEPT_DAYS * 86_400.0
MAX_LISTED: Final = 100
_LEAST_S: Final = 60.0
# Above every instant that can be written: a later time has a smaller name.
_LAST: Final = instant.LATEST


class Stored(msgspec.Struct, frozen=True):
    """A summary, and what its maker could see."""

    summary: Summary
    policy: Policy


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What a listing says of a summary."""

    id: str
    created: str
    type: Type
    window: dict[str, Any]
    headline: str
    generator: str
    policy: Policy

    def document(self) -> dict[str, Any]:
        """As the API has it."""
        return {name: getattr(self, name) for name in self.__struct_fields__ if name != "policy"}


class Archive:
    """The stored summaries. `clock`: seconds since the epoch."""

    def __init__(self, store: GuardedStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    def keep(self, summary: Summary, policy: Policy) -> Summary:
        """Stores it; one of the same id keeps the time at which it was first made, and its days. What a model
        wrote is not replaced by what the rules write when there is none."""
        known = self._read(summary.id)
        if known:
            summary = msgspec.structs.replace(summary, created=known.summary.created)
            if known == Stored(summary, policy) or _is_better(known.summary, summary):
                return summary
        age_s = self._clock() - (instant.from_rfc3339(summary.created) or 0) / instant.SECOND
        kept_s = min(KEPT_S, max(_LEAST_S, KEPT_S - age_s))
        self._store.set(f"summary/{summary.id}", msgspec.json.encode(Stored(summary, policy)), kept_s)
        card = Card(
            id=summary.id,
            created=summary.created,
            type=summary.type,
            window=summary.window,
            headline=summary.headline,
            generator=summary.generator,
            policy=policy,
        )
        self._store.set(_card_key(card), msgspec.json.encode(card), kept_s)
        return summary

    def read(self, summary_id: str, policy: Policy) -> Summary | None:
        """A summary, if there is one and this policy shows all that it was made from."""
        stored = self._read(summary_id)
        return stored.summary if stored and policy.covers(stored.policy) else None

    def listed(self, policy: Policy, after: str, most: int) -> tuple[list[Card], str | None]:
        """The next cards behind the name `after`, newest first, and the name to go on behind, if any."""
        found: list[tuple[str, Card]] = []
        for month in self._months():
            if after and month > after.partition("/")[0]:
                continue
            cards = self._store.scan(f"summaries/{month}/")
            named = sorted((key.removeprefix("summaries/"), value) for key, value in cards)
            for name, value in named:
                card = _card(value)
                if card and _is_behind(name, after) and policy.covers(card.policy):
                    found.append((name, card))
            if len(found) > most:
                break
        return [card for _, card in found[:most]], found[most - 1][0] if len(found) > most else None

    def _read(self, summary_id: str) -> Stored | None:
        try:
            return msgspec.json.decode(self._store.get(f"summary/{summary_id}") or b"", type=Stored)
        except msgspec.MsgspecError:
            return None

    def _months(self) -> Iterator[str]:
        """`2026-11`, back to the oldest that may hold something."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        oldest, month = now - timedelta(days=KEPT_DAYS + 1), now.replace(day=1)
        while (month.year, month.month) >= (oldest.year, oldest.month):
            yield f"{month:%Y-%m}"
            month = (month - timedelta(days=1)).replace(day=1)


def _is_better(known: Summary, summary: Summary) -> bool:
    return summary.generator == RULES != known.generator


def _card_key(card: Card) -> str:
    at = instant.from_rfc3339(card.created) or 0
    return f"summaries/{card.created[:7]}/{_LAST - at:020d}/{card.id}"


def _is_behind(name: str, after: str) -> bool:
    """Later months come first, and in a month the names are in order."""
    month, _, rest = name.partition("/")
    after_month, _, after_rest = after.partition("/")
    return not after or month < after_month or (month == after_month and rest > after_rest)


def _card(value: bytes) -> Card | None:
    try:
        return msgspec.json.decode(value, type=Card)
    except msgspec.MsgspecError:
        return None
