"""Pages of Cloud Logging's lines one after the other, until the last or until something runs out."""

import math
from typing import Final

import msgspec

from shared.errors import AggregatorError, SourceTimeout, Unavailable
from shared.sources.containers import SOURCE
from shared.sources.logging_calls import Ask, LinePage, LoggingCalls, NoSlot
from shared.sources.source import Budget, BudgetSpent, Warn

# So many pages without a line in a row, and the caller gets a cursor instead of a longer wait.
MAX_EMPTY_PAGES: Final = 20


class Stopped(Exception):
    """Reading ended before its time; what was read so far is still good. Never reaches a caller."""

    def __init__(self, what: str, retry_after_s: float | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.retry_after_s = retry_after_s

    def warning(self, what_now: str) -> Warn:
        """What a caller should know about it, and what they can do."""
        return Warn(SOURCE, "budget_spent", f"The request's budget ({self.what}) was used up: {what_now}.")

    def nothing(self, budget: Budget) -> AggregatorError:
        """The answer when nothing was read: a 503 where a call was refused, else a 504."""
        if self.retry_after_s is not None:
            detail = "The quota of the project's log reads is used up."
            return Unavailable(detail, retry_after_s=math.ceil(self.retry_after_s))
        return SourceTimeout(SOURCE, after_s=min(budget.elapsed_s, budget.deadline_s))


class PageReader:
    """The pages of one filter. `token` is where the next one begins; empty at the end (and at the start)."""

    def __init__(self, calls: LoggingCalls, ask: Ask, budget: Budget) -> None:
        self.token = ask.token
        self._ask = ask
        self._calls = calls
        self._budget = budget
        self._empty = 0

    def next(self, *, forced: bool = False) -> LinePage:
        """The next page; `forced` as in `Budget.spend`. Raises: Stopped, SourceError."""
        if self._empty >= MAX_EMPTY_PAGES:
            raise Stopped("pages")
        try:
            ask = msgspec.structs.replace(self._ask, token=self.token)
            page = self._calls.page(ask, self._budget, forced=forced)
        except BudgetSpent as spent:
            raise Stopped(spent.what) from spent
        except NoSlot as refused:
            raise Stopped("calls per minute", refused.retry_after_s) from refused
        self.token = page.token
        self._empty = 0 if page.lines else self._empty + 1
        return page

    def count(self, size: int, *, forced: bool = False) -> None:
        """Spend a line's bytes; `forced`: only the deadline ends the reading. Raises: Stopped."""
        try:
            self._budget.spend(bytes=size, forced=forced)
        except BudgetSpent as spent:
            raise Stopped(spent.what) from spent
