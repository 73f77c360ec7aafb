"""The fleet's counters: six processes, two of them killed, and a scraper that watches all along."""

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import ROOT, SECRET, Serve, bearer

EVERY_S = 0.1
REQUESTS = [3334, 3334, 3333, 3333, 3333, 3333]
SERVED = ("log_aggregator_requests_total", ("health", "/health", "200"))
Samples = dict[tuple[str, tuple[str, ...]], float]


class Instance:
    """A worker's process, and what it tells of its writes."""

    def __init__(self, requests: int, data: Path, *, doomed: bool) -> None:
        reading, writing = os.pipe()
        environment = os.environ | {
            "LOCAL_DATA_DIR": str(data),
            "LOG_AGGREGATOR_SECRET_KEY": SECRET,
            "PYTHONPATH": str(ROOT),
        }
        worker = [sys.executable, "-m", "tests.metrics.fleet_worker"]
        self.process = subprocess.Popen(
            [*worker, str(requests), str(EVERY_S), str(writing), *(["doomed"] if doomed else [])],
            env=environment,
            cwd=ROOT,
            pass_fds=[writing],
            stdout=subprocess.DEVNULL,
        )
        os.close(writing)
        self._told = os.fdopen(reading)
        self.lines: list[tuple[str, int]] = []

    def listen(self, writes: int | None = None) -> None:
        """Until so many writes have ended, or the process has."""
        for line in self._told:
            what, counted = line.split()
            self.lines.append((what, int(counted)))
            if sum(what == "end" for what, _ in self.lines) == writes:
                return

    def end(self) -> int:
        """Its exit code, when everything it told was heard."""
        self.listen()
        self._told.close()
        return self.process.wait(timeout=30)

    @property
    def folded(self) -> tuple[int, int]:
        """Requests whose counts are in the store, at least and at most: it may have died in a write."""
        ended = sum(counted for what, counted in self.lines if what == "end")
        what, counted = self.lines[-1] if self.lines else ("end", 0)
        return ended, ended + (counted if what == "begin" else 0)


def samples(text: str) -> Samples:
    """Every number of a scrape but the gauges, by name and labels."""
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        if family.type != "gauge"
        for sample in family.samples
    }


@contextmanager
def watched(client: Any) -> Iterator[list[Samples]]:
    """Scrapes over and over until the end of the block; the scrapes so far."""
    scrapes: list[Samples] = []
    over = threading.Event()

    def scrape() -> None:
        headers = bearer("metrics")
        while not over.wait(0.02):
            answer = client.get("/metrics", headers=headers)
            assert answer.status_code in (200, 503)
            if answer.status_code == 200:
                scrapes.append(samples(answer.text))

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield scrapes
    finally:
        over.set()
        thread.join()


def test_a_fleet_that_loses_two_instances_counts_the_rest_exactly(serve: Serve, tmp_path: Path) -> None:
    """20,000 requests: all but what the killed had not folded, never more, never going backwards."""
    client = serve("metrics")
    with watched(client) as scrapes:
        instances = [Instance(count, tmp_path, doomed=n < 2) for n, count in enumerate(REQUESTS)]
        try:
            for doomed in instances[:2]:
                doomed.listen(writes=1)
                doomed.process.send_signal(signal.SIGKILL)
            exits = [instance.end() for instance in instances]
        finally:
            for instance in instances:
                instance.process.kill()
                instance.process.wait()
    last = samples(client.get("/metrics", headers=bearer("admin")).text)

    assert exits == [-signal.SIGKILL] * 2 + [0] * 4
    assert [instance.folded for instance in instances[2:]] == [(count, count) for count in REQUESTS[2:]]
    possible = {sum(folded) for folded in itertools.product(*(set(each.folded) for each in instances))}
    assert last[SERVED] in possible
    assert sum(REQUESTS[2:]) < last[SERVED] < sum(REQUESTS)
    assert len(scrapes) > 10
    for earlier, later in zip(scrapes, [*scrapes[1:], last], strict=True):
        assert [name for name, value in earlier.items() if later[name] < value] == []
