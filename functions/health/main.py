"""The health function: whether the service is there."""

from shared import wiring
from shared.endpoint import Answer, Call, Route, endpoint


def status(call: Call) -> Answer:
    """GET /health: that this process answers, and nothing else."""
    call.args.finish()
    return call.json({"status": "ok"})


health = endpoint(wiring.door("health"), Route("/health", status, roles=None))
