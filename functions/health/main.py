"""The health function: whether the service is there."""

from shared import wiring
from shared.endpoint import Answer, Call, Route, endpoint
from shared.policy import READERS


def status(call: Call) -> Answer:
    """GET /health: that this process answers; with `deep=true`, how each dependency is."""
    deep = call.args.flag("deep")
    if deep:
        call.require(READERS)
    call.args.finish()
    return call.json(wiring.health_checks().report() if deep else {"status": "ok"})


health = endpoint(wiring.door("health"), Route("/health", status, roles=None))
