"""One instance of a fleet: `python -m tests.metrics.fleet_worker REQUESTS EVERY_S PIPE [doomed]`.

Serves that many requests with the real health function, through flask's test client, and folds every
EVERY_S; writes `begin N` and `end N` to the pipe around each write to the store, N being the requests
whose counts it holds. One that is doomed waits at the end for its SIGKILL. Settings come from the
environment.
"""

import os
import signal
import sys
from collections.abc import Mapping

import flask
import msgspec

from functions.health.main import status
from shared import metrics, wiring
from shared.endpoint import Route, endpoint
from shared.metrics.fold import Reading
from shared.metrics.registry import Series
from shared.metrics.table import REQUESTS


class Telling:
    """The function's own state store; each write is told of before and after."""

    def __init__(self, pipe: int) -> None:
        self._store = wiring.state_store()
        self._pipe = pipe

    @property
    def available(self) -> bool:
        """As the store's."""
        return self._store.available

    def read(self, key: str) -> Reading:
        """As the store's."""
        return self._store.read(key)

    def increment(self, key: str, deltas: Mapping[str, float]) -> bool:
        """As the store's, told of."""
        counted = 0
        for field, amount in deltas.items():
            series = Series.of(field)
            counted += int(amount) if series and series.metric is REQUESTS else 0
        os.write(self._pipe, b"begin %d\n" % counted)
        written = self._store.increment(key, deltas)
        os.write(self._pipe, b"%s %d\n" % (b"end" if written else b"dropped", counted))
        return written


def main(requests: int, every_s: float, pipe: int, *, doomed: bool) -> None:
    """Serve, then end as a worker does on SIGTERM: with what is left."""
    folder = metrics.Folder(metrics.process, lambda: Telling(pipe), "health", every_s=every_s)
    door = msgspec.structs.replace(wiring.door("health"), fold=folder.fold_if_due)
    app = flask.Flask("health")
    with app.app_context():
        function = endpoint(door, Route("/health", status, roles=None))
    app.add_url_rule("/<path:_>", view_func=lambda _: function(flask.request), endpoint="health")
    client = app.test_client()
    for _ in range(requests):
        assert client.get("/health").status_code == 200
    if doomed:
        signal.pause()
    folder.fold_all()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), doomed="doomed" in sys.argv)
