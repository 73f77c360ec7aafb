"""The pods function: container logs of GKE."""

from shared import wiring
from shared.endpoint import Answer, Call, Route, endpoint


def entries(call: Call) -> Answer:
    """GET /logs/pods: the entries of the fleet's containers."""
    return call.entries(call.query("pods"), wiring.pods_source())


def names(call: Call) -> Answer:
    """GET /logs/pods/names: the containers that printed something in the window."""
    query, after = call.listing("pods")
    return call.listed(query, "pods", lambda: wiring.pods_source().names(query, call.budget), after)


pods = endpoint(
    wiring.door("pods"),
    Route("/logs/pods", entries),
    Route("/logs/pods/names", names),
)
