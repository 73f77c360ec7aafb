"""Every upstream accepts and never answers: every route still answers, in time."""

import time
from collections.abc import Iterator

import pytest

from tests.conftest import Serve, bearer
from tests.servers.black_hole import BlackHole

DEADLINE_S = 1.5
ROUTES = [
    ("gcs", "/logs/gcs"),
    ("gcs", "/logs/gcs?dry_run=true"),
    ("gcs", "/logs/gcs/objects"),
    ("gcs", "/logs/gcs/object?name=trades/x.jsonl"),
    ("firestore", "/logs/firestore"),
    ("firestore", "/logs/firestore/collections"),
    ("firestore", "/logs/firestore/document?path=gpt_runner_trades/a/2026-11-20/b"),
    ("pods", "/logs/pods"),
    ("pods", "/logs/pods/names"),
]


@pytest.fixture
def black_hole(monkeypatch: pytest.MonkeyPatch) -> Iterator[BlackHole]:
    """All of Google Cloud, the state store's Firestore too."""
    with BlackHole() as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{server.host}")
        for name in ("FIRESTORE_EMULATOR_HOST", "LOGGING_EMULATOR_HOST"):
            monkeypatch.setenv(name, server.host)
        yield server


@pytest.mark.parametrize(("function", "path"), ROUTES)
def test_every_route_answers_within_its_deadline_and_a_second(
    serve: Serve, black_hole: BlackHole, function: str, path: str
) -> None:
    """504, and no word of what was waited for; nothing that is slow beside the source makes it later."""
    client = serve(
        function,
        LOCAL_DATA_DIR="",
        GOOGLE_CLOUD_PROJECT="p",
        REQUEST_DEADLINE_S=str(DEADLINE_S),
        RATE_LIMIT="300/min",
    )
    began = time.monotonic()
    answer = client.get(path, headers=bearer())
    elapsed_s = time.monotonic() - began

    assert (answer.status_code, answer.json["code"]) == (504, "source_timeout")
    assert elapsed_s < DEADLINE_S + 1
    assert black_hole.host not in answer.text


def test_deep_health_is_down_in_time(serve: Serve, black_hole: BlackHole) -> None:
    """Two seconds each, side by side."""
    client = serve("health", LOCAL_DATA_DIR="", GOOGLE_CLOUD_PROJECT="p")
    began = time.monotonic()
    answer = client.get("/health?deep=true", headers=bearer())

    assert answer.json["status"] == "down"
    assert time.monotonic() - began < 4
