"""Summaries by what they were made from: made by one request at a time, kept for a day.

summary/made/{key}      a summary
summary/making/{key}    somebody is making it
"""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from shared import log, metrics
from shared.metrics import table
from shared.state import GuardedStore
from shared.summary.document import Summary
from shared.summary.once import FIRST_PAUSE_S, MAX_PAUSE_S
from shared.summary.reading import Read, selected
from shared.summary.request import SummaryRequest

Status = Literal["hit", "miss", "bypass"]
# Longer than a model and what follows may take.
_LEASE_S: Final = 45.0
# What is left to who has waited in vain, and makes it after all.
_LEFT_S: Final = 8.0
_logger = logging.getLogger(__name__)


class Found(NamedTuple):
    """A summary that there is; else `leased` when the caller alone makes it, and releases it afterwards."""

    summary: Summary | None
    status: Status
    leased: bool = False


class MadeSummaries:
    """The summaries of the last day."""

    def __init__(self, store: GuardedStore) -> None:
        self._store = store

    def find(self, key: str, remaining_s: Callable[[], float]) -> Found:
        """The summary of this content if there is one, or another request is just making it; else the caller
        makes it."""
        pause_s = FIRST_PAUSE_S
        while True:
            reading = self._store.read(f"summary/made/{key}")
            if not reading.answered:
                return Found(None, "bypass")
            if reading.value and (known := decoded(reading.value)):
                return Found(known, "hit")
            if self._store.create(f"summary/making/{key}", b"1", _LEASE_S):
                return self._looked_again(key)
            if remaining_s() - pause_s < _LEFT_S:
                return Found(None, "miss")
            time.sleep(pause_s)
            pause_s = min(MAX_PAUSE_S, pause_s * 1.5)

    def _looked_again(self, key: str) -> Found:
        """Between our look and our lease the other may have finished."""
        value = self._store.get(f"summary/made/{key}")
        known = decoded(value) if value else None
        if known:
            self.release(key)
            return Found(known, "hit")
        return Found(None, "miss", leased=True)

    def keep(self, summary: Summary, kept_s: float) -> None:
        """Counted, and kept so long; 0: not at all."""
        metrics.add(table.SUMMARIES, generator=summary.generator)
        told = log.fields(summary=summary.id, generator=summary.generator, cost_usd=summary.usage.cost_usd)
        _logger.info("summary", extra=told)
        if kept_s:
            self._store.set(f"summary/made/{summary.id}", msgspec.json.encode(summary), kept_s)

    def release(self, key: str) -> None:
        """Others need not wait any longer."""
        self._store.delete(f"summary/making/{key}")


def content_key(by: Sequence[str], request: SummaryRequest, read: Read, facts: dict[str, Any]) -> str:
    """A summary's id: who would write it (`by`), what was asked, and what was found."""
    content = [
        [p.id, p.count, p.first, p.last, p.slots, [(line.id, text) for line, text in p.examples]]
        for p in (*read.found.problems, *read.found.others)
    ]
    parts = [
        [*by, request.type, request.max_tokens, request.sources],
        selected(request.query),
        facts,
        content,
        [read.partial, *(f"{warn.source} {warn.code}" for warn in read.warnings)],
    ]
    encoded = msgspec.json.encode(parts, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()[:32]


def decoded(value: bytes) -> Summary | None:
    """A stored summary; None for what is none."""
    try:
        return msgspec.json.decode(value, type=Summary)
    except msgspec.MsgspecError:
        return None
