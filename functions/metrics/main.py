"""The metrics function: what the fleet counts of itself, for Prometheus."""

from contextlib import suppress
from typing import Final

from shared import wiring
from shared.endpoint import Answer, Call, Route, endpoint
from shared.errors import Unavailable
from shared.metrics import exposition, fold, process
from shared.policy import Role
from shared.state import StoreError, StoreTimeout

# Of a quarter of a second each: a young process may still be building its client, and a scrape has time.
TRIES: Final = 12


def scrape(call: Call) -> Answer:
    """GET /metrics: the whole fleet's sums; with `scope=instance`, what this process alone has counted."""
    scope = call.args.choice("scope", ("fleet", "instance"), "fleet")
    call.args.finish()
    try:
        text = instance() if scope == "instance" else fleet()
    except StoreError as exc:
        raise Unavailable("The fleet's counters cannot be read.", retry_after_s=10) from exc
    return Answer(body=text, content_type=exposition.CONTENT_TYPE)


def instance() -> bytes:
    """What this process has counted since it began."""
    return exposition.instance_text(process.totals(), wiring.revision())


def fleet() -> bytes:
    """Every counter of the store, or an error: sums without one of them would look like a restart."""
    for _ in range(TRIES):
        # The bare store: behind its guard, a listing that breaks would only end early.
        counters = wiring.state_store().store.counters(fold.PREFIX)
        with suppress(StoreTimeout):
            return exposition.fleet_text(counters, wiring.revision())
    raise StoreTimeout(f"no answer in {TRIES} tries")


metrics = endpoint(
    wiring.door("metrics"), Route("/metrics", scrape, roles=frozenset({Role.METRICS, Role.ADMIN}))
)
