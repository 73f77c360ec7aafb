"""What a process counts, and what it refuses to count."""

import os
import re
import threading
from pathlib import Path

import pytest

from shared.metrics import Metric, Registry, UndeclaredMetric, process
from shared.metrics.registry import Series
from shared.metrics.table import AUTH_FAILURES, BUILD_INFO, PREFIX, REQUEST_DURATION, REQUESTS, TABLE

ROOT = Path(__file__).parent.parent.parent


def test_what_the_table_does_not_have_cannot_be_counted() -> None:
    """A metric of the same name, a missing, a misspelt and a further label: each raises."""
    registry = Registry()
    forged = Metric(REQUESTS.name, "counter", "requests", "", REQUESTS.labels)

    with pytest.raises(UndeclaredMetric):
        registry.add(forged, function="gcs", route="/logs/gcs", status="200")
    for labels in ({"function": "gcs"}, {"reson": "expired"}, {"reason": "expired", "sub": "eve"}):
        with pytest.raises(UndeclaredMetric):
            registry.add(AUTH_FAILURES, **labels)
    with pytest.raises(UndeclaredMetric):
        registry.observe(AUTH_FAILURES, 1.0, reason="expired")
    with pytest.raises(UndeclaredMetric):
        registry.add(BUILD_INFO, revision="1", python="3")
    assert registry.totals() == {}


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf"), 2.0**54])
def test_sums_only_grow(amount: float) -> None:
    """What would make a sum smaller, or no number, raises."""
    with pytest.raises(ValueError):
        Registry().add(AUTH_FAILURES, amount, reason="expired")
    with pytest.raises(ValueError):
        Registry().observe(REQUEST_DURATION, amount, function="gcs", route="/logs/gcs")


def test_a_value_that_is_not_declared_counts_as_other() -> None:
    """The number of series is bounded, whatever comes."""
    registry = Registry()
    for number in range(50):
        registry.add(AUTH_FAILURES, reason=f"made up {number}")

    assert registry.totals() == {'["auth_failures_total","other"]': 50}


def test_every_reason_of_the_verifier_is_declared() -> None:
    """A refusal of a token is counted under its own name."""
    code = "".join(path.read_text() for path in (ROOT / "shared" / "auth").glob("*.py"))
    reasons = set(re.findall(r'NotAuthenticated\(\s*"(\w+)"', code)) | {"unknown_issuer"}

    assert len(reasons) > 10
    assert {AUTH_FAILURES.labels[0].bounded(reason) for reason in reasons} == reasons


def test_the_table_follows_the_conventions_of_prometheus() -> None:
    """Counters end in _total, names carry the prefix, histograms have rising bounds."""
    for name, metric in TABLE.items():
        assert name == metric.name
        assert re.fullmatch(PREFIX + r"[a-z_]+", name)
        assert name.endswith("_total") == (metric.kind == "counter")
        assert bool(metric.buckets) == (metric.kind == "histogram")
        assert list(metric.buckets) == sorted(set(metric.buckets))


def test_threads_lose_nothing_and_each_count_is_handed_out_once() -> None:
    """Four threads count while a fifth takes: what was taken and what is left is what was counted."""
    registry, taken = Registry(), 0.0

    def count() -> None:
        for _ in range(2000):
            registry.add(AUTH_FAILURES, reason="expired")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += sum(registry.take(10).values())
    for thread in threads:
        thread.join()

    assert taken + sum(registry.take(10).values()) == 8000
    assert registry.take(10) == {}
    assert sum(registry.totals().values()) == 8000


def test_a_child_of_a_fork_begins_with_nothing() -> None:
    """What the parent counted is the parent's to fold."""
    process.forget()
    process.add(AUTH_FAILURES, reason="expired")
    child = os.fork()
    if child == 0:
        os._exit(len(process.totals()))
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert len(process.totals()) == 1
    process.forget()


def test_a_series_reads_back_from_its_field() -> None:
    """Whatever a label holds."""
    for values in (("gcs", "/logs/gcs", "200"), ('a"b', "\\n\n", "é,|]")):
        series = Series(REQUESTS, values)
        assert Series.of(series.field) == series
    bucket = Series(REQUEST_DURATION, ("gcs", "/logs/gcs"), "0.25")
    assert Series.of(bucket.field) == bucket


@pytest.mark.parametrize(
    "field",
    [
        "",
        "[]",
        "{}",
        "[1]",
        '["gone_total","gcs"]',
        '["requests_total","gcs"]',
        '["requests_total","gcs","/logs/gcs","200","more"]',
        '["request_duration_seconds","gcs","/logs/gcs"]',
        '["request_duration_seconds","gcs","/logs/gcs","nan"]',
        '["build_info","1","3.11"]',
    ],
)
def test_a_field_of_another_version_is_no_series(field: str) -> None:
    """What the table does not have is left out, not guessed."""
    assert Series.of(field) is None
