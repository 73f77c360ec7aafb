"""One request on its way through the door: what is measured of it, and what is told of it at its end."""

import logging
import time
from typing import Final

from shared import log, metrics
from shared.audit import Decision
from shared.call import Answer, Call
from shared.errors import AggregatorError, NotAuthenticated, RateLimited, SourceError
from shared.metrics import table

# The functions whose name is their source's: what their requests read, they read of it.
SOURCES: Final = frozenset({"gcs", "firestore", "pods"})

_logger = logging.getLogger(__name__)


class Passage:
    """Filled in by the door as it learns more; `route` is a declared path, never what was sent."""

    def __init__(self, function: str, decision: Decision) -> None:
        self.function = function
        self.decision = decision
        self.route = table.OTHER
        self.call: Call | None = None
        self.error: AggregatorError | None = None
        self.headers: dict[str, str] = {}
        self._began = time.monotonic()

    def end(self, answer: Answer, *, method: str, path: str) -> None:
        """Count the request, write its line, and say in the answer where the time went."""
        elapsed_s = time.monotonic() - self._began
        self._count(answer.status, elapsed_s)
        timings = {"total": elapsed_s * 1000} | (self.call.timings_ms if self.call else {})
        # Source: https://www.w3.org/TR/server-timing/
        told = ", ".join(f"{name};dur={spent_ms:.1f}" for name, spent_ms in timings.items())
        answer.headers = self.headers | answer.headers | {"Server-Timing": told}
        budget = self.call.budget if self.call else None
        _logger.info(
            "request",
            extra=log.fields(
                route=self.route,
                path=path[:200],
                method=method[:20],
                status=answer.status,
                elapsed_ms=round(elapsed_s * 1000, 1),
                response_bytes=len(answer.body),
                cache=self.decision.cache,
                scanned=budget.scanned if budget else None,
                budget_left_s=round(budget.remaining_s, 1) if budget else None,
            ),
        )

    def _count(self, status: int, elapsed_s: float) -> None:
        function, error = self.function, self.error
        metrics.add(table.REQUESTS, function=function, route=self.route, status=str(status))
        metrics.observe(table.REQUEST_DURATION, elapsed_s, function=function, route=self.route)
        if self.decision.cache:
            metrics.add(table.CACHE_RESULTS, function=function, result=self.decision.cache)
        if isinstance(error, NotAuthenticated):
            metrics.add(table.AUTH_FAILURES, reason=error.reason)
        if isinstance(error, RateLimited):
            metrics.add(table.RATE_LIMITED, **{"function": function, "class": error.limit})
        if isinstance(error, SourceError):
            metrics.add(table.UPSTREAM_ERRORS, source=error.source, code=error.code)
        if self.call and function in SOURCES:
            scanned = self.call.budget.scanned
            metrics.read_of(function, scanned.api_calls, scanned.bytes, scanned.objects, scanned.documents)
