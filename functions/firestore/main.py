"""The firestore function: log documents of Firestore."""

from shared import wiring
from shared.endpoint import Answer, Call, Route, endpoint


def entries(call: Call) -> Answer:
    """GET /logs/firestore: the entries of the configured collections."""
    return call.entries(call.query("firestore"), wiring.firestore_source())


def collections(call: Call) -> Answer:
    """GET /logs/firestore/collections: the collections, with the bots and dates seen in the window."""
    query, after = call.listing("firestore")
    return call.listed(
        query, "collections", lambda: wiring.firestore_source().collections(query, call.budget), after
    )


def document(call: Call) -> Answer:
    """GET /logs/firestore/document?path=: one document."""
    path = call.required("path")
    return call.json(wiring.firestore_source().document(path, call.policy, call.budget))


firestore = endpoint(
    wiring.door("firestore"),
    Route("/logs/firestore", entries),
    Route("/logs/firestore/collections", collections),
    Route("/logs/firestore/document", document),
)
