"""Health: shallow for everyone, deep for those who may read."""

import threading
import time

import pytest

from shared import wiring
from shared.health import Checks
from shared.sources.source import Health
from tests.conftest import Serve, bearer


def healthy(name: str) -> Health:
    """A dependency that is there."""
    return Health(name, "ok", 1.0)


def test_deep_needs_a_reader(serve: Serve) -> None:
    """Without a token it is 401, with a role that does not read 403."""
    client = serve("health")

    assert client.get("/health?deep=true").status_code == 401
    assert client.get("/health?deep=true", headers=bearer("metrics")).status_code == 403


def test_deep_tells_of_each_dependency(serve: Serve) -> None:
    """Name, status and latency of each, and a status of all."""
    answer = serve("health").get("/health?deep=true", headers=bearer())

    assert answer.status_code == 200
    assert answer.json["status"] == "ok"
    assert [set(check) for check in answer.json["checks"]] == [{"name", "status", "latency_ms"}] * 3
    assert [check["name"] for check in answer.json["checks"]] == ["gcs", "firestore", "pods"]


def test_one_that_fails_is_down_and_its_reason_stays_inside(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest still tells; the whole is degraded."""

    def broken() -> object:
        raise RuntimeError("10.0.0.7 sekrit")

    client = serve("health")
    monkeypatch.setattr(wiring, "pods_source", broken)
    answer = client.get("/health?deep=true", headers=bearer())

    assert [check["status"] for check in answer.json["checks"]] == ["ok", "ok", "down"]
    assert answer.json["status"] == "degraded"
    assert "sekrit" not in answer.text


def test_checks_run_side_by_side_and_the_slow_one_is_given_up() -> None:
    """A dependency that never answers costs its deadline, not the sum, and is down."""
    release = threading.Event()

    def stuck(_deadline_s: float) -> Health:
        release.wait(10)
        return healthy("stuck")

    checks = Checks({"stuck": stuck, "fine": lambda _s: healthy("fine")})
    began = time.monotonic()
    report = checks.report()
    elapsed_s = time.monotonic() - began
    release.set()

    assert [check["status"] for check in report["checks"]] == ["down", "ok"]
    assert elapsed_s < 3.5


def test_a_report_is_kept_for_half_a_minute() -> None:
    """Asking often costs the dependencies nothing."""
    now = [0.0]
    asked: list[float] = []

    def check(_deadline_s: float) -> Health:
        asked.append(now[0])
        return healthy("one")

    checks = Checks({"one": check}, monotonic=lambda: now[0])
    for now[0] in (0.0, 10.0, 29.9, 30.0, 59.0):
        checks.report()

    assert asked == [0.0, 30.0]


def test_all_down_is_down() -> None:
    """Nothing left is not degraded."""
    checks = Checks({"a": lambda _s: Health("a", "down", 2.0), "b": lambda _s: Health("b", "down", 2.0)})

    assert checks.report()["status"] == "down"


def test_health_starts_when_every_setting_is_wrong(serve: Serve) -> None:
    """Shallow answers; deep says that the service is not set up."""
    client = serve("health", LOG_AGGREGATOR_SECRET_KEY="short", LOG_TIMEZONE="Mars")

    assert client.get("/health").json == {"status": "ok"}
    assert client.get("/health?deep=true", headers=bearer()).status_code == 503
