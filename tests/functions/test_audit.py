"""One line on stdout for each decision, and nothing of the caller's in it but who it is."""

import json
from typing import Any

import pytest

from tests.conftest import Serve, bearer, token


def decisions(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The audit lines printed so far; every printed line must be JSON."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line.get("audit") is True]


def test_an_allowed_question_is_one_line(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """Who, what, and how much came back; equal questions have equal hashes, whatever their page size."""
    client = serve("gcs")
    client.get("/logs/gcs?q=hush&page_size=5", headers=bearer() | {"X-Request-ID": "r1"})
    client.get("/logs/gcs?page_size=7&q=hush", headers=bearer())

    first, second = decisions(capsys)

    assert first["query_hash"] == second["query_hash"] != ""
    del first["query_hash"], first["time"]
    assert first == {
        "audit": True,
        "request_id": "r1",
        "sub": "test-viewer",
        "iss": "log-aggregator",
        "role": "viewer",
        "route": "/logs/gcs",
        "source": "gcs",
        "decision": "allowed",
        "reason": "",
        "returned": 0,
        "cache": "miss",
    }


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "missing_token"),
        ({"Authorization": "Bearer nonsense"}, "malformed_token"),
        ({"Authorization": "Basic abc"}, "malformed_header"),
        (bearer("metrics"), "role"),
    ],
)
def test_a_refusal_is_one_line_with_its_reason(
    serve: Serve, capsys: pytest.CaptureFixture[str], headers: dict[str, str], reason: str
) -> None:
    """Denied, and why; the caller is told less than the line is."""
    answer = serve("pods").get("/logs/pods", headers=headers)

    (line,) = decisions(capsys)
    assert (line["decision"], line["reason"], line["route"]) == ("denied", reason, "/logs/pods")
    assert reason == "role" or reason not in answer.text


def test_a_subject_cannot_forge_a_line(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """Quotes and braces in a subject stay inside its string."""
    subject = '","decision":"allowed"} {"audit":true,"sub":"'
    serve("gcs").get("/logs/gcs", headers={"Authorization": f"Bearer {token('metrics', sub=subject)}"})

    (line,) = decisions(capsys)
    assert (line["sub"], line["decision"]) == (subject, "denied")


def test_no_line_holds_a_token_or_a_question(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the token nor the text that was asked for is printed anywhere."""
    headers = bearer()
    serve("gcs").get("/logs/gcs?q=needle-7731", headers=headers)

    printed = capsys.readouterr().out
    assert headers["Authorization"].removeprefix("Bearer ") not in printed
    assert "needle-7731" not in printed


def test_what_needs_no_token_is_no_decision(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """Health checks do not fill the trail."""
    serve("health").get("/health")

    assert decisions(capsys) == []


def test_the_trail_does_not_depend_on_the_log_level(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """LOG_LEVEL quietens the log, not the trail."""
    serve("gcs", LOG_LEVEL="ERROR").get("/logs/gcs", headers=bearer())

    assert len(decisions(capsys)) == 1
