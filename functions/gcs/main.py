"""The gcs function: log objects of Cloud Storage."""

from shared import wiring
from shared.endpoint import Answer, Call, Route, endpoint


def entries(call: Call) -> Answer:
    """GET /logs/gcs: the entries of the bucket's log objects."""
    return call.entries(call.query("gcs"), wiring.gcs_source())


def objects(call: Call) -> Answer:
    """GET /logs/gcs/objects: the objects that may hold entries of the window."""
    query, after = call.listing("gcs")
    return call.listed(query, "objects", lambda: wiring.gcs_source().objects(query, call.budget), after)


def object_text(call: Call) -> Answer:
    """GET /logs/gcs/object?name=: one object's decompressed text."""
    wanted = call.wanted("name", "bucket", max_bytes=(1 << 20, 16 << 20))
    found = wiring.gcs_source().text(
        wanted.rest["bucket"], wanted.name, wanted.max_bytes, call.policy, call.budget
    )
    headers = {"X-Truncated": "true"} if found.cut else {}
    return Answer(body=found.text.encode(), content_type="text/plain; charset=utf-8", headers=headers)


gcs = endpoint(
    wiring.door("gcs"),
    Route("/logs/gcs", entries),
    Route("/logs/gcs/objects", objects),
    Route("/logs/gcs/object", object_text),
)
