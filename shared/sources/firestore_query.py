"""Queries for the documents of one collection, in the order of their ids.

That order needs no index, and leaves no document out. It is by UTF-8 bytes, which is by code point.
Source: https://cloud.google.com/firestore/docs/reference/rest/v1/StructuredQuery
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from shared.sources.document_store import Collection

_NAME: Final = {"field_path": "__name__"}


def ranges(collection: Collection, after: str) -> Iterator[tuple[str, str]]:
    """The first and last id of each stretch of ids to read that is not wholly up to `after`, in order.

    ("", ""): all ids. Dates are written with `-` or with nothing between their parts; a year at a time,
    so that the two ways do not mingle.
    """
    if collection.days is None:
        yield "", ""
        return
    first, last = collection.days
    for year in range(first.year, last.year + 1):
        low, high = str(max(first, date(year, 1, 1))), str(min(last, date(year, 12, 31)))
        for pair in ((low, high), (low.replace("-", ""), high.replace("-", ""))):
            if after < pair[1]:
                yield pair


def query(
    root: str, path: str, ids: tuple[str, str], after: str, limit: int, *, names_only: bool = False
) -> dict[str, Any]:
    """A request of RunQuery for the documents of the collection `path` with ids in `ids`, behind `after`.

    `root` is what all documents' names begin with; `limit` 0 is none.
    """
    parent, _, name = f"{root}/{path}".rpartition("/")

    def reference(document_id: str) -> dict[str, str]:
        return {"reference_value": f"{root}/{path}/{document_id}"}

    asked: dict[str, Any] = {"from_": [{"collection_id": name}], "order_by": [_by_name()]}
    if ids[1]:
        bounds = [("GREATER_THAN_OR_EQUAL", ids[0]), ("LESS_THAN_OR_EQUAL", ids[1])]
        filters = [
            {"field_filter": {"field": _NAME, "op": op, "value": reference(bound)}} for op, bound in bounds
        ]
        asked["where"] = {"composite_filter": {"op": "AND", "filters": filters}}
    if after:
        asked["start_at"] = {"values": [reference(after)], "before": False}
    if limit:
        asked["limit"] = limit
    if names_only:
        asked["select"] = {"fields": [_NAME]}
    return {"parent": parent, "structured_query": asked}


def _by_name() -> dict[str, Any]:
    return {"field": _NAME, "direction": "ASCENDING"}
