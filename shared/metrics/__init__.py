"""What the service measures of itself, in the instance and over the fleet.

    table.py       every metric there is, declared once
    registry.py    what this process has counted, and how much of it is not yet in the store
    fold.py        from the registry into sums of the state store, never twice
    exposition.py  those sums as Prometheus text

In the store each function has a few counters (shards), so that no document is hot, and each counter one
field a series; `fold.key` and `Series.field` say how they are named.
"""

from shared.metrics.fold import Folder
from shared.metrics.registry import Registry, process
from shared.metrics.table import (
    SCANNED_BYTES,
    SCANNED_DOCUMENTS,
    SCANNED_OBJECTS,
    UPSTREAM_CALLS,
    Metric,
    UndeclaredMetric,
)

__all__ = ["Folder", "Metric", "Registry", "UndeclaredMetric", "add", "observe", "process", "read_of"]

add = process.add
observe = process.observe


def read_of(source: str, calls: int, size_bytes: int, objects: int, documents: int) -> None:
    """Count what was read of a source; bytes are decompressed."""
    for metric, amount in (
        (UPSTREAM_CALLS, calls),
        (SCANNED_BYTES, size_bytes),
        (SCANNED_OBJECTS, objects),
        (SCANNED_DOCUMENTS, documents),
    ):
        if amount:
            add(metric, amount, source=source)
