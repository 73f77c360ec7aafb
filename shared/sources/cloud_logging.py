"""Container logs of GKE, read through the Cloud Logging API.

Source: https://cloud.google.com/logging/docs/reference/v2/rpc/google.logging.v2
"""

import time
from collections.abc import Iterator
from typing import Final

from shared.config import PodSettings
from shared.errors import SourceError
from shared.query import LogQuery
from shared.redact import Redactor
from shared.sources.containers import SOURCE, Line, Places, places_of, seen_names
from shared.sources.line_pages import PageReader, Stopped
from shared.sources.log_reading import Reading
from shared.sources.logging_calls import Ask, LoggingCalls, NoSlot
from shared.sources.pod_filter import pod_filter
from shared.sources.source import Budget, BudgetSpent, Health, Listing, Page, Plan, Status, Warn

# Names are worth this many calls of the minute's quota, and no more.
MAX_NAME_PAGES: Final = 20
# A health check asks for a time that lies before everything that is stored: the answer comes at once and
# still needs the connection, the permission and the view.
_PROBE: Final = (
    'resource.type="k8s_container" AND timestamp>="1970-01-01T00:00:00Z" AND timestamp<"1970-01-01T00:00:01Z"'
)


class CloudPodLogs:
    """The `pods` source over Cloud Logging. Safe for threads; equal pages are read once."""

    name = SOURCE

    def __init__(self, calls: LoggingCalls, settings: PodSettings, redactor: Redactor) -> None:
        self._calls = calls
        self._settings = settings
        self._redactor = redactor

    def read(self, query: LogQuery, budget: Budget) -> Page:
        """The next page of the containers' entries.

        Raises: InvalidRequest, Forbidden, SourceError; Unavailable when the quota of calls is used up.
        """
        places = places_of(query, self._settings)
        if not places.namespaces:
            return Page(SOURCE, [], None, False, [], budget.scanned)
        return Reading(self._calls, query, places, budget, self._redactor).page()

    def plan(self, query: LogQuery, budget: Budget) -> Plan:
        """At most how many calls one page may cost: how many lines there are only reading them tells."""
        places = places_of(query, self._settings)
        calls = min(self._settings.logging_calls_per_minute, budget.max_calls) if places.namespaces else 0
        return Plan(self.name, api_calls=calls)

    def names(self, query: LogQuery, budget: Budget) -> Listing:
        """The containers that printed something in the window, of the newest 20,000 lines at most.

        Raises: InvalidRequest, Forbidden, SourceError; SourceTimeout or Unavailable when nothing was read.
        """
        places = places_of(query, self._settings)
        warnings: list[Warn] = []
        lines = self._lines(query, places, budget, warnings) if places.namespaces else iter(())
        seen = seen_names(lines, query.policy.bounds(SOURCE).bots)
        return Listing(self.name, seen, budget.scanned, bool(warnings), warnings)

    def digest(self, query: LogQuery, budget: Budget) -> str:  # noqa: ARG002 - lines are never rewritten
        """Nothing: a stored line is never rewritten."""
        return ""

    def check(self, deadline_s: float) -> Health:
        """Whether one call is answered. It counts against the quota; when that is used up it is not made,
        and the source is degraded."""
        began = time.monotonic()
        status: Status = "ok"
        try:
            self._calls.probe(Ask(_PROBE, newest_first=True, size=1), deadline_s)
        except NoSlot:
            status = "degraded"
        except (BudgetSpent, SourceError):
            status = "down"
        return Health(SOURCE, status, round((time.monotonic() - began) * 1000, 1))

    def _lines(self, query: LogQuery, places: Places, budget: Budget, warnings: list[Warn]) -> Iterator[Line]:
        """The window's lines, newest first, as far as the budget goes; then a warning is added."""
        text = pod_filter(query, places, query.window.start, query.window.end, any_line=True)
        pages = PageReader(self._calls, Ask(text, newest_first=True), budget)
        try:
            for _ in range(MAX_NAME_PAGES):
                page = pages.next()
                for line in page.lines:
                    if places.take(line):
                        yield line
                    pages.count(line.size)
                if not page.token:
                    return
            raise Stopped("pages")
        except Stopped as stopped:
            if not budget.scanned.bytes:
                raise stopped.nothing(budget) from stopped
            warnings.append(stopped.warning("narrow the window for the others"))
