"""What this process has counted: a few dictionary additions a request, and nothing imported for it."""

import os
import threading
from bisect import bisect_left
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from shared.metrics.table import PREFIX, TABLE, Metric, UndeclaredMetric

SUM: Final = "sum"
INFINITE: Final = "inf"
# The store adds integers exactly up to here.
_MAX_AMOUNT: Final = 2.0**53


class Series(NamedTuple):
    """One number: a metric, its labels' values, and of a histogram the bucket's bound or `sum`."""

    metric: Metric
    values: tuple[str, ...]
    part: str = ""

    @property
    def field(self) -> str:
        """Its name in the store: a JSON array such as `["requests_total","gcs","/logs/gcs","200"]`."""
        part = (self.part,) if self.part else ()
        return msgspec.json.encode([self.metric.name.removeprefix(PREFIX), *self.values, *part]).decode()

    @classmethod
    def of(cls, field: str) -> "Series | None":
        """The series of a field; None for one that this version of the table does not have."""
        try:
            name, *rest = msgspec.json.decode(field, type=list[str])
        except (msgspec.MsgspecError, ValueError):
            return None
        metric = TABLE.get(PREFIX + name)
        if metric is None or metric.kind == "gauge":
            return None
        part = rest.pop() if metric.kind == "histogram" and rest else ""
        if len(rest) != len(metric.labels) or not _is_part(metric, part):
            return None
        return cls(metric, tuple(rest), part)


def _is_part(metric: Metric, part: str) -> bool:
    if metric.kind != "histogram" or part == SUM:
        return metric.kind != "histogram" or bool(part)
    try:
        return float(part) > 0
    except ValueError:
        return False


class Registry:
    """The counts of one process. Thread-safe; a child of a fork begins with none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[Series, float] = {}
        self._taken: dict[Series, float] = {}

    def add(self, metric: Metric, amount: float = 1, /, **labels: str) -> None:
        """Count so many more. Raises: UndeclaredMetric, ValueError for an amount that no counter takes."""
        if TABLE.get(metric.name) is not metric or metric.kind != "counter":
            raise UndeclaredMetric(f"{metric.name} is no counter of the table")
        if not 0 <= amount <= _MAX_AMOUNT:
            raise ValueError(f"{metric.name} cannot grow by {amount}")
        series = Series(metric, metric.values(labels))
        with self._lock:
            self._pending[series] = self._pending.get(series, 0) + amount

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None:
        """Put a value into its bucket. Raises: as `add`."""
        if TABLE.get(metric.name) is not metric or metric.kind != "histogram":
            raise UndeclaredMetric(f"{metric.name} is no histogram of the table")
        if not 0 <= value <= _MAX_AMOUNT:
            raise ValueError(f"{metric.name} cannot be {value}")
        values = metric.values(labels)
        bucket = Series(metric, values, bound(metric, value))
        total = Series(metric, values, SUM)
        with self._lock:
            self._pending[bucket] = self._pending.get(bucket, 0) + 1
            self._pending[total] = self._pending.get(total, 0) + value

    def take(self, most: int) -> dict[str, float]:
        """Up to `most` fields that the store does not have yet. They are handed out once, whatever
        becomes of them."""
        with self._lock:
            taken = dict(islice(self._pending.items(), most))
            for series, amount in taken.items():
                del self._pending[series]
                self._taken[series] = self._taken.get(series, 0) + amount
        return {series.field: amount for series, amount in taken.items()}

    def any(self) -> bool:
        """Whether there is something to take."""
        return bool(self._pending)

    def totals(self) -> dict[str, float]:
        """Everything counted since the process began, whether the store has it or not."""
        with self._lock:
            both = dict(self._taken)
            for series, amount in self._pending.items():
                both[series] = both.get(series, 0) + amount
        return {series.field: amount for series, amount in both.items()}

    def forget(self) -> None:
        """Begin with nothing: in the child of a fork, whose parent still has its counts, and in tests."""
        self._lock = threading.Lock()
        self._pending, self._taken = {}, {}


def bound(metric: Metric, value: float) -> str:
    """The upper bound of a histogram's bucket that holds `value`, as text."""
    place = bisect_left(metric.buckets, value)
    return str(metric.buckets[place]) if place < len(metric.buckets) else INFINITE


process: Final = Registry()
"""The counts of this process."""
os.register_at_fork(after_in_child=process.forget)
