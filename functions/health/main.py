"""The health function: whether the service is there, and its contract."""

from shared import docs_page, openapi, wiring
from shared.endpoint import Answer, Call, Route, endpoint
from shared.policy import READERS


def status(call: Call) -> Answer:
    """GET /health: that this process answers; with `deep=true`, how each dependency is."""
    deep = call.args.flag("deep")
    if deep:
        call.require(READERS)
    call.args.finish()
    return call.json(wiring.health_checks().report() if deep else {"status": "ok"})


def document(call: Call) -> Answer:
    """GET /openapi.json: the contract."""
    call.args.finish()
    return call.json(openapi.public())


def page(call: Call) -> Answer:
    """GET /docs: the contract as a page to read."""
    call.args.finish()
    policy = {"Content-Security-Policy": docs_page.POLICY}
    return Answer(body=docs_page.public_page(), content_type="text/html; charset=utf-8", headers=policy)


health = endpoint(
    wiring.door("health"),
    Route("/health", status, roles=None),
    Route("/openapi.json", document, roles=None),
    Route("/docs", page, roles=None),
)
