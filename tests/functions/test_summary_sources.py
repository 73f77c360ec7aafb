"""Summaries of sources that fail, hang or are damaged: what is missing is said, and nobody waits for it."""

import time
from pathlib import Path
from typing import Any

import pytest

from shared.errors import SourceError, SourceMisconfigured, SourceTimeout
from tests.conftest import Serve, bearer
from tests.functions.mirror import Mirror, jsonl, stored_line, zipped
from tests.functions.summary_world import (
    DAY,
    FOLDER,
    AtOnce,
    Instead,
    ask,
    by,
    codes,
    counted,
    day_of,
    made,
    record,
    use,
)

BROKEN = SourceError("gcs", "The source gcs failed.")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BROKEN, "source_failed"),
        (SourceMisconfigured("gcs", "GCS_BUCKET_NAME", "has no bucket"), "source_misconfigured"),
        (SourceTimeout("gcs", after_s=1.0), "source_timeout"),
        (ZeroDivisionError("10.0.0.7 sekrit"), "source_failed"),
    ],
)
def test_a_broken_source_is_said_and_the_others_are_told(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    """200, partial, a warning that names source and code, and nothing of the inner error."""
    day_of(serve, tmp_path)
    client = serve("summary")
    use(monkeypatch, Instead("gcs", error))

    answer = ask(client)

    assert answer.status_code == 200
    coverage = answer.json["coverage"]
    assert coverage["partial"] is True
    assert ("gcs", code) in {(warn["source"], warn["code"]) for warn in coverage["warnings"]}
    assert answer.json["facts"]["by_source"] == {"pods": 30, "firestore": 1}
    assert "sekrit" not in answer.text
    assert counted("upstream_errors_total", "gcs", code) >= 1


def test_a_source_that_failed_makes_nobody_silent(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bot that was heard the day before, and whose source could not be read, has not fallen silent."""
    mirror = day_of(serve, tmp_path)
    mirror.put_lines(
        [stored_line("2026-01-14T05:00:00Z", "[INFO] up", insert_id="b1", container="paper-trader")]
    )
    whole = made(serve("summary"))
    client = serve("summary")
    use(monkeypatch, Instead("pods", SourceError("pods")))

    partial = made(client)

    assert whole["facts"]["silent_bots"] == ["paper_trader"]
    assert partial["facts"]["silent_bots"] == []


@pytest.mark.parametrize(
    ("asked", "silent"),
    [
        ({"bot": ["paper_trader", "stock_trader"]}, ["paper_trader"]),
        ({"q": "up"}, []),
        ({"exclude": "down"}, []),
        ({"min_severity": "INFO"}, []),
        ({"sources": ["pods", "gcs"]}, []),
        ({"namespace": "gpt"}, []),
        ({"label.container": "paper-trader"}, []),
    ],
)
def test_who_is_not_asked_for_all_they_say_is_not_called_silent(
    serve: Serve, tmp_path: Path, asked: dict[str, Any], silent: list[str]
) -> None:
    """A bot that had a warning the day before and none today may be writing all the time."""
    mirror = day_of(serve, tmp_path)
    mirror.put_lines(
        [stored_line("2026-01-14T05:00:00Z", "[INFO] up", insert_id="b1", container="paper-trader")]
    )

    summary = made(serve("summary"), asked)

    assert summary["facts"]["silent_bots"] == silent
    assert ("silent" in summary["headline"]) <= bool(silent)


def test_nothing_found_beside_a_broken_source_is_not_called_nothing(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty window is only said to be empty when all of it was read."""
    client = serve("summary")
    use(monkeypatch, Instead("pods", SourceError("pods")))

    assert made(client)["headline"] == "No entries were found, but not everything could be read"


@pytest.mark.parametrize(
    ("errors", "status", "code"),
    [
        ((BROKEN, BROKEN, BROKEN), 502, "source_failed"),
        ((SourceTimeout("x", after_s=1), BROKEN, SourceTimeout("x", after_s=1)), 502, "source_failed"),
        ((SourceTimeout("x", after_s=1),) * 3, 504, "source_timeout"),
    ],
)
def test_without_any_source_there_is_no_summary(
    serve: Serve,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    errors: tuple[Exception, ...],
    status: int,
    code: str,
) -> None:
    """504 when all ran out of time, else 502; nothing is stored, and the next request is made anew."""
    day_of(serve, tmp_path)
    client = serve("summary")
    with monkeypatch.context() as patch:
        use(patch, *(Instead(name, e) for name, e in zip(("gcs", "firestore", "pods"), errors, strict=True)))
        answer = ask(client, Idempotency_Key="k1")

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert client.get("/logs/summary", headers=bearer()).json["summaries"] == []


def test_a_run_that_failed_is_made_by_the_next_request(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key of a failed request is free at once: nobody waits for a lease to expire."""
    day_of(serve, tmp_path)
    client = serve("summary", REQUEST_DEADLINE_S="5")
    sources = [Instead(name, BROKEN) for name in ("gcs", "firestore", "pods")]
    use(monkeypatch, *sources)
    assert ask(client, Idempotency_Key="k1").status_code == 502

    for source in sources:
        source.error = None
    began = time.monotonic()
    assert ask(client, Idempotency_Key="k1").status_code == 200
    assert time.monotonic() - began < 4


def test_sources_are_read_side_by_side(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three that take 0.6 s each, for the window and for the one before: under 2.4 s, not 3.6."""
    client = serve("summary")
    use(monkeypatch, *(Instead(name, wait_s=0.6) for name in ("gcs", "firestore", "pods")))
    began = time.monotonic()

    assert ask(client).status_code == 200
    assert time.monotonic() - began < 2.4


def test_a_source_that_hangs_holds_nobody_up(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a deadline of 1 s and a source that takes 8, the others' summary is there within 2 s."""
    day_of(serve, tmp_path)
    client = serve("summary", REQUEST_DEADLINE_S="1")
    use(monkeypatch, Instead("gcs", wait_s=8))
    began = time.monotonic()
    summary = made(client)

    assert time.monotonic() - began < 2.4
    assert codes(summary) == {"source_timeout", "baseline_partial"}
    assert summary["facts"]["by_source"] == {"pods": 30, "firestore": 1}


def test_all_sources_hanging_is_a_504_in_time(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """All late: 504 a second after the deadline at most."""
    client = serve("summary", REQUEST_DEADLINE_S="0.5")
    use(monkeypatch, *(Instead(name, wait_s=8) for name in ("gcs", "firestore", "pods")))
    began = time.monotonic()
    answer = ask(client)

    assert (answer.status_code, answer.json["code"]) == (504, "source_timeout")
    assert time.monotonic() - began < 1.9


def test_what_a_budget_cuts_is_said(serve: Serve, tmp_path: Path) -> None:
    """A scan budget of a few kilobytes: partial, `budget_spent`, and the counts are of what was read."""
    day_of(serve, tmp_path)
    summary = made(serve("summary", SCAN_MAX_BYTES="2000"))

    assert summary["coverage"]["partial"] is True
    assert "budget_spent" in codes(summary)


def test_a_damaged_object_is_said(serve: Serve, tmp_path: Path) -> None:
    """One that ends early: what was whole is counted, partial, with the object's name; nobody is silent."""
    mirror = day_of(serve, tmp_path)
    lines = jsonl(record(n, f"Feed {n} went away") for n in range(2000))
    mirror.put(f"{FOLDER}/system_logs_060000_v1.jsonl.gz", zipped(lines)[:-2000])

    summary = made(serve("summary"))

    assert summary["coverage"]["partial"] is True
    assert 0 < summary["coverage"]["matched"] - 73 < 2000
    warnings = summary["coverage"]["warnings"]
    assert "truncated" in codes(summary)
    assert {warn["object"].rpartition("/")[2] for warn in warnings} == {"system_logs_060000_v1.jsonl.gz"}


def test_callers_at_once_get_one_summary(serve: Serve, tmp_path: Path) -> None:
    """The same question of two analysts at the same time: one is made, both get it."""
    day_of(serve, tmp_path)
    client = serve("summary")
    app = client.application

    def call(sub: str) -> Any:
        return app.test_client().post("/logs/summary", json=DAY, headers=by("analyst", sub)).json

    found = AtOnce([lambda: call("one"), lambda: call("two")]).run()

    assert found[0]["id"] == found[1]["id"]
    assert sorted(one["cache"] for one in found) == ["hit", "miss"]
    assert counted("summaries_total", "rules") == 1


def test_entries_of_all_sources_are_counted_once_each(serve: Serve, tmp_path: Path) -> None:
    """What the summary counts is what the other routes return for the same window."""
    day_of(serve, tmp_path)
    by_source = made(serve("summary"))["facts"]["by_source"]

    mirror = Mirror(tmp_path, serve)
    assert by_source == {name: len(mirror.read(name, None, **DAY).entries) for name in by_source}
