"""The summary function: what happened in a window, in one page whose every sentence can be looked up."""

from shared import wiring
from shared.endpoint import Answer, Call, Route, endpoint
from shared.errors import NotFound
from shared.policy import SUMMARISERS


def make(call: Call) -> Answer:
    """POST /logs/summary: a summary of what a query selects."""
    call.args.finish()
    service = wiring.summaries()
    asked = service.ask(call.request, policy=call.policy, caller=call.caller, now=call.now)
    made = service.make(asked, now=call.now, budget=call.budget)
    call.told(returned=made.summary.coverage.matched, cache=made.status, query_hash=asked.hash)
    return call.json(made.document())


def listed(call: Call) -> Answer:
    """GET /logs/summary: the stored summaries, newest first."""
    service = wiring.summaries()
    query, after, size = call.page_of(service.max_listed)
    cards, behind = service.archive.listed(call.policy, after, size)
    call.told(returned=len(cards))
    token = call.seal(query, behind)
    return call.json({"summaries": [card.document() for card in cards], "next_page_token": token})


def one(call: Call) -> Answer:
    """GET /logs/summary/{id}: a stored summary, with its deliveries as they stand now."""
    call.args.finish()
    made = wiring.summaries().stored(call.request.tail, call.policy)
    if made is None:
        raise NotFound("There is no such summary.")
    call.told(returned=1)
    return call.json(made.document())


summary = endpoint(
    wiring.door("summary"),
    Route("/logs/summary", make, roles=SUMMARISERS, method="POST", limit="summary"),
    Route("/logs/summary", listed),
    Route("/logs/summary/{id}", one),
)
