"""`POST /logs/summary` from a checked request to an answer.

    read → digest → prompt → model → verify ─┬→ keep → deliver
                      └── rules, whenever there is no draft that survives

A summary's id stands for everything that went into it: window, filters, policy, type, prompt, model, and the
content that was read. The same question about the same logs is one summary, made, stored and delivered once.
"""

import re
import time
from collections.abc import Callable
from datetime import tzinfo
from typing import Any, Final

import msgspec

from shared import instant
from shared.errors import InvalidRequest
from shared.policy import Policy
from shared.query import MAX_WINDOW
from shared.search.streams import Spend
from shared.sources.source import Budget
from shared.state import GuardedStore
from shared.summary.archive import MAX_LISTED, Archive
from shared.summary.deliver import Deliveries
from shared.summary.document import Coverage, Summary, created_text
from shared.summary.made import MadeSummaries, Status, content_key, decoded
from shared.summary.once import Once, Run
from shared.summary.prompt import VERSION, build
from shared.summary.reading import Read, Reader
from shared.summary.request import Request, SummaryRequest, parse
from shared.summary.shown import facts_of, patterns_of
from shared.summary.wording import Worded, Writer

# All of a request, so that it is answered within the minute that the contract allows.
TOTAL_S: Final = 57.0
MAX_READING_S: Final = 25.0
# Of that, what is kept for storing and delivering when a model takes its time.
_LAST_S: Final = 3.0
# For what is pending, when a request delivers nothing itself.
_RETRY_S: Final = 3.0
_KEY: Final = re.compile(r"[\x20-\x7e]{1,256}", re.ASCII)


class Made(msgspec.Struct, frozen=True):
    """A summary, and whether it was there before."""

    summary: Summary
    status: Status

    def document(self) -> dict[str, Any]:
        """As the API answers it."""
        return {**msgspec.structs.asdict(self.summary), "cache": self.status}


class Asked(msgspec.Struct, frozen=True):
    """A request with its caller, and the run it belongs to, if it names one."""

    request: SummaryRequest
    caller: str
    run: Run | None

    @property
    def hash(self) -> str:
        """Equal for equal bodies."""
        return self.request.body_hash


class Service:
    """Makes summaries. `zone` is the market's: times of day are told in it. `salt` stands for the versions
    of code and settings."""

    def __init__(
        self,
        reader: Reader,
        writer: Writer,
        archive: Archive,
        deliveries: Deliveries,
        store: GuardedStore,
        zone: tzinfo,
        deliverable: frozenset[str],
        deadline_s: float,
        max_bytes: int = 2 << 30,
        salt: str = "",
    ) -> None:
        """`deadline_s` is for reading the sources, all of them side by side."""
        self.archive = archive
        self.max_listed = MAX_LISTED
        self._deliverable = deliverable
        self._deadline_s = min(deadline_s, MAX_READING_S)
        self._max_bytes = max_bytes
        self._reader = reader
        self._writer = writer
        self._deliveries = deliveries
        self._once = Once(store)
        self._by_content = MadeSummaries(store)
        self._zone = zone
        self._salt = salt

    def ask(self, request: Request, *, policy: Policy, caller: str, now: int) -> Asked:
        """A checked request. A run of Cloud Scheduler is known by its job and its planned time, which is also
        what its relative times are relative to: tried again later, it is still the same question.

        Raises: InvalidRequest, Forbidden.
        """
        key = request.idempotency_key
        if key and not _KEY.fullmatch(key):
            raise InvalidRequest.of("Idempotency-Key", "must be 1 to 256 printable ASCII characters")
        if request.planned:
            now = _planned(request.planned)
            key = key or f"scheduler {request.job} {now}"
        asked = parse(request.body, now=now, policy=policy, deliverable=self._deliverable)
        run = Run(caller, key, asked.body_hash, asked.query.policy) if key else None
        return Asked(asked, caller, run)

    def make(self, asked: Asked, *, now: int, budget: Budget) -> Made:
        """The summary that is asked for. Of `budget` the headers go with every call upstream, and what was
        read is counted in it.

        Raises: SourceTimeout, SourceError when all sources failed; Conflict and KeyReused of a run;
        InvalidRequest of a source.
        """
        began, run = time.monotonic(), asked.run

        def remaining_s() -> float:
            return TOTAL_S - (time.monotonic() - began)

        if run is None:
            return self._made(asked, now, budget, remaining_s)
        if (answered := self._once.begin(run, remaining_s)) and (known := decoded(answered)):
            return Made(self._with_deliveries(known), "hit")
        try:
            made = self._made(asked, now, budget, remaining_s)
        except BaseException:
            self._once.abandon(run)
            raise
        self._once.finish(run, msgspec.json.encode(made.summary))
        return made

    def stored(self, summary_id: str, policy: Policy) -> Made | None:
        """A stored summary with its deliveries as they stand now, if this policy may see it."""
        found = self.archive.read(summary_id, policy)
        return Made(self._with_deliveries(found), "hit") if found else None

    def _made(self, asked: Asked, now: int, budget: Budget, remaining_s: Callable[[], float]) -> Made:
        request = asked.request
        read = self._read(request, now, budget, remaining_s)
        facts = facts_of(read.found)
        told = facts | {"window": request.query.window.document()}
        prompt = build(read.found, told, request.type, request.max_tokens)
        key = content_key((self._salt, VERSION, self._writer.name), request, read, facts)
        known, status, leased = self._by_content.find(key, remaining_s)
        if known is None:
            try:
                worded = self._writer.write(
                    prompt,
                    told,
                    request.type,
                    caller=asked.caller,
                    timeout_s=remaining_s() - _LAST_S,
                    whole=not read.partial,
                    may_call=lambda: self._once.may_call(asked.run),
                )
                known = self._summary(key, request, read, facts, worded, now)
                self._by_content.keep(known, worded.kept_s)
            finally:
                if leased:
                    self._by_content.release(key)
        if request.store:
            bots = request.query.labels.get("bot", ())
            known = self.archive.keep(known, request.query.policy.narrowed(request.sources, bots))
        return Made(self._delivered(known, request, remaining_s), status)

    def _read(
        self, request: SummaryRequest, now: int, budget: Budget, remaining_s: Callable[[], float]
    ) -> Read:
        """The sources, in the time for reading; a request that waited for another has less of it."""
        deadline_s = min(self._deadline_s, max(1.0, (remaining_s() - _LAST_S) / 2))
        spend = Spend(deadline_s=deadline_s, max_bytes=self._max_bytes, headers=budget.headers)
        until = time.monotonic() + deadline_s
        read = self._reader.read(request, now, spend, lambda: until - time.monotonic())
        for ending in read.endings:
            budget.scanned.add(ending.scanned)
        return read

    def _summary(
        self,
        key: str,
        request: SummaryRequest,
        read: Read,
        facts: dict[str, Any],
        worded: Worded,
        now: int,
    ) -> Summary:
        selection = worded.selection
        return Summary(
            id=key,
            created=created_text(now),
            type=request.type,
            generator=worded.generator,
            window=request.query.window.document(),
            headline=worded.headline,
            findings=worded.findings,
            facts=facts,
            patterns=patterns_of(selection),
            recommended_checks=worded.checks,
            coverage=Coverage(
                matched=read.found.matched,
                shown=selection.shown,
                omitted=selection.omitted,
                partial=read.partial,
                warnings=(*read.warnings, *worded.warnings),
            ),
            usage=worded.usage,
        )

    def _delivered(
        self, summary: Summary, request: SummaryRequest, remaining_s: Callable[[], float]
    ) -> Summary:
        if not request.deliver:
            until = time.monotonic() + min(_RETRY_S, remaining_s())
            self._deliveries.retry_pending(lambda: until - time.monotonic())
            return summary
        told = self._deliveries.deliver(summary, request.deliver, remaining_s)
        return msgspec.structs.replace(summary, deliveries=told)

    def _with_deliveries(self, summary: Summary) -> Summary:
        return msgspec.structs.replace(summary, deliveries=self._deliveries.states(summary.id))


def _planned(text: str) -> int:
    """Cloud Scheduler's time of a run; not so early or late that no window fits before or behind it.

    Raises: InvalidRequest.
    """
    planned = instant.from_rfc3339(text)
    if planned is None or not instant.EARLIEST + 2 * MAX_WINDOW < planned < instant.LATEST - instant.DAY:
        raise InvalidRequest.of("X-CloudScheduler-ScheduleTime", "must be a time, RFC 3339 with an offset")
    return planned
