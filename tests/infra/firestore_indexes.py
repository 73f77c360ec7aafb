"""Which indexes a Firestore query needs, and which `infra/` gives.

Every field has single-field indexes in both directions unless an exemption says otherwise; `__name__` needs
none. A query over one field is served by that field's; over several, by a composite index.
Source: https://cloud.google.com/firestore/docs/query-data/index-overview
"""

from typing import Any, Final, NamedTuple

from tests.infra.terraform import Plan

_NAME: Final = "__name__"
_DIRECTIONS: Final = {"DIRECTION_UNSPECIFIED": "ASCENDING"}


class Query(NamedTuple):
    """A query as it was sent: the collection's id, the fields that are compared, the order asked for."""

    collection: str
    every_parent: bool
    compared: tuple[str, ...]
    order: tuple[tuple[str, str], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that an index must have: compared first, then ordered; never the document's name."""
        names = [*self.compared, *(name for name, _ in self.order)]
        return tuple(name for name in dict.fromkeys(names) if name != _NAME)


def asked(request: Any) -> Query:
    """A RunQueryRequest in these words."""
    query = request.structured_query
    [source] = query.from_
    order = tuple((one.field.field_path, _direction(one.direction.name)) for one in query.order_by)
    compared = tuple(sorted(set(_compared(query.where))))
    return Query(source.collection_id, source.all_descendants, compared, order)


def lacking(query: Query, plan: Plan) -> str | None:
    """The index that the query wants and the plan does not give, as a sentence; None when it is served."""
    fields = query.fields
    if not fields:
        return None
    if len(fields) > 1 or query.every_parent:
        return f"{query.collection} wants a composite index over {', '.join(fields)}"
    direction = next((way for name, way in query.order if name == fields[0]), "ASCENDING")
    if direction not in _single(plan, query.collection, fields[0]):
        return f"{query.collection} wants an index on {fields[0]}, {direction}"
    return None


def _single(plan: Plan, collection: str, field: str) -> set[str]:
    """The directions in which a field of a collection is indexed."""
    exemptions = {
        one.values["field"]: one.values
        for one in plan.of("firestore_field")
        if one.values["collection"] == collection and one.values["index_config"]
    }
    chosen = exemptions.get(field) or exemptions.get("*")
    if chosen is None:
        return {"ASCENDING", "DESCENDING"}
    return {one["order"] for one in chosen["index_config"][0]["indexes"]}


def _compared(where: Any) -> list[str]:
    kind = type(where).pb(where).WhichOneof("filter_type")
    if kind == "composite_filter":
        return [name for one in where.composite_filter.filters for name in _compared(one)]
    return [getattr(where, kind).field.field_path] if kind else []


def _direction(name: str) -> str:
    return _DIRECTIONS.get(name, name)
