"""Models that fail in every way, and what they may cost: the caller gets a page, in time, and the reason."""

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.summary import model as model_module
from shared.summary import service as service_module
from shared.summary import wording as wording_module
from shared.summary.document import Summary
from shared.summary.verify import Verifier
from tests.conftest import Serve, bearer
from tests.functions.summary_world import (
    DAY,
    MODEL,
    AtOnce,
    Instead,
    by,
    codes,
    counted,
    day_of,
    made,
    truthful,
    use,
)
from tests.servers.hooks_server import Reply, hooks_server
from tests.servers.model_server import ModelServer, Says, model_server

KINDS = ["errors", "trends", "trading", "security", "performance", "general"]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A model that tells the truth until it is told otherwise."""
    with model_server() as server:
        server.behave(Says(truthful))
        yield server


@pytest.fixture
def settings(model: ModelServer) -> dict[str, str]:
    """With the model, and without a limit on requests."""
    return {"OPENAI_API_KEY": "k-test", "OPENAI_BASE_URL": model.url, "SUMMARY_RATE_LIMIT": "off"}


@pytest.fixture
def client(serve: Serve, tmp_path: Path, settings: dict[str, str]) -> Any:
    """The function over a day of logs."""
    day_of(serve, tmp_path)
    return serve("summary", **settings)


def body(text: str, **more: Any) -> bytes:
    """A completion as a server writes it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice]}
    return json.dumps(whole | {"usage": usage} | more).encode()


FAILURES: dict[str, tuple[Says, str]] = {
    "429": (Says(status=429), "rate_limited"),
    "429 that asks for an hour": (Says(status=429, headers={"Retry-After": "3600"}), "rate_limited"),
    "500": (Says(status=500), "unreachable"),
    "503 with a page": (Says(status=503, body=b"<html>busy</html>"), "unreachable"),
    "400": (Says(status=400), "rejected"),
    "401": (Says(status=401), "rejected"),
    "404": (Says(status=404), "rejected"),
    "closed": (Says(how="close"), "unreachable"),
    "cut in the middle": (Says(truthful, how="cut"), "unreachable"),
    "cut by length": (Says(truthful, finish_reason="length"), "cut"),
    "filtered": (Says(truthful, finish_reason="content_filter"), "refused"),
    "refusal": (Says(refusal="I cannot help with that"), "refused"),
    "empty text": (Says(""), "bad_answer"),
    "no JSON": (Says("Sure! Here is the summary:"), "bad_answer"),
    "JSON in a fence": (Says(lambda m: f"```json\n{truthful(m)}\n```"), "bad_answer"),
    "another schema": (Says('{"summary": "fine"}'), "bad_answer"),
    "a list": (Says("[]"), "bad_answer"),
    "findings of text": (
        Says('{"headline": "h", "findings": ["x"], "recommended_checks": []}'),
        "bad_answer",
    ),
    "deep nesting": (Says("[" * 100_000), "bad_answer"),
    "lone surrogate": (
        Says('{"headline": "\\ud800", "findings": [], "recommended_checks": []}'),
        "bad_answer",
    ),
    "body no JSON": (Says(body=b"<html></html>"), "bad_answer"),
    "body deep": (Says(body=b'{"choices":' * 50_000), "bad_answer"),
    "no choices": (Says(body=body("x", choices=[])), "bad_answer"),
    "null choices": (Says(body=body("x", choices=None)), "bad_answer"),
    "no message": (Says(body=body("x", choices=[{"index": 0}])), "bad_answer"),
    "invalid UTF-8": (Says(body=b'{"choices": "\xff\xfe"}'), "bad_answer"),
    "nothing": (Says(body=b""), "bad_answer"),
    "5 MB": (Says("x" * 5_000_000), "too_large"),
    "a headline of nothing": (
        Says(
            json.dumps(
                {"headline": " " * 900_000 + "!", "findings": [], "recommended_checks": ["A" * 90_000]}
            )
        ),
        "unverified",
    ),
    "no findings": (Says('{"headline": "h", "findings": [], "recommended_checks": []}'), "unverified"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_whatever_the_model_does_there_is_a_page(client: Any, model: ModelServer, name: str) -> None:
    """200 by the rules, with the reason as a warning and in the metric; nothing of its answer is told."""
    says, reason = FAILURES[name]
    model.behave(says)
    began = time.monotonic()
    summary = made(client)

    assert time.monotonic() - began < 8
    assert (summary["generator"], codes(summary)) == ("rules", {reason})
    assert summary["headline"].startswith("New: Insufficient margin for")
    assert counted("model_failures_total", reason) == 1
    assert counted("summaries_total", "rules") == 1
    assert "cannot help" not in json.dumps(summary)


def test_an_answer_that_cannot_be_judged_is_not_believed(
    serve: Serve,
    tmp_path: Path,
    settings: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A mistake of ours in judging costs the model's words, not the page; the log tells its kind only."""
    day_of(serve, tmp_path)
    client = serve("summary", **settings)
    monkeypatch.setattr(Verifier, "verdict", _mistaken)
    summary = made(client)

    assert (summary["generator"], codes(summary)) == ("rules", {"unverified"})
    assert summary["usage"]["prompt_tokens"] > 0
    printed = capsys.readouterr().out
    assert "could not be judged: ZeroDivisionError" in printed
    assert "sekrit" not in printed


def _mistaken(*_: Any) -> None:
    raise ZeroDivisionError("sekrit")


def test_a_server_that_is_not_there(serve: Serve, tmp_path: Path) -> None:
    """Nobody listens: tried twice, and the rules write."""
    day_of(serve, tmp_path)
    client = serve("summary", OPENAI_API_KEY="k-test", OPENAI_BASE_URL="http://127.0.0.1:1/v1")
    summary = made(client)

    assert (summary["generator"], codes(summary)) == ("rules", {"unreachable"})
    assert summary["usage"]["cost_usd"] == 0.0


@pytest.mark.parametrize("says", [Says(status=429), Says(status=500), Says(status=503)])
def test_a_busy_server_is_asked_once_more(client: Any, model: ModelServer, says: Says) -> None:
    """What passes soon costs one pause: the second answer is used."""
    model.behave(says, Says(truthful))

    assert made(client)["generator"] == MODEL
    assert len(model.journal) == 2


@pytest.mark.parametrize("says", [Says(status=500), Says(status=429)])
def test_and_not_more_than_once_more(client: Any, model: ModelServer, says: Says) -> None:
    """Two requests at most for one summary."""
    model.behave(says)
    made(client)

    assert len(model.journal) == 2


@pytest.mark.parametrize(
    "says", [Says(status=400), Says(how="close"), Says(truthful, how="cut"), Says(body=b"")]
)
def test_what_may_have_been_paid_for_is_not_asked_twice(client: Any, model: ModelServer, says: Says) -> None:
    """A request that was refused, or worked on and lost, is not repeated."""
    model.behave(says)
    made(client)

    assert len(model.journal) == 1


@pytest.mark.parametrize(
    "says",
    [
        Says(how="hang"),
        Says(truthful, after_s=20),
        Says(truthful, how="drip"),
        Says("x" * 5_000_000, how="drip"),
    ],
    ids=["hang", "late", "drip", "long drip"],
)
def test_a_slow_model_is_waited_for_so_long_and_no_longer(
    client: Any, model: ModelServer, monkeypatch: pytest.MonkeyPatch, says: Says
) -> None:
    """With 1.5 s for the model instead of 30 the answer is there within three; asked once."""
    monkeypatch.setattr(model_module, "MAX_MODEL_S", 1.5)
    model.behave(says)
    began = time.monotonic()
    summary = made(client)

    assert time.monotonic() - began < 3
    assert (summary["generator"], codes(summary)) == ("rules", {"timeout"})
    assert len(model.journal) == 1


def test_the_whole_request_has_a_bound(
    client: Any, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the request may take bounds the model too: 5 s instead of 57, with a model that hangs."""
    monkeypatch.setattr(service_module, "TOTAL_S", 5.0)
    model.behave(Says(how="hang"))
    began = time.monotonic()
    summary = made(client)

    assert time.monotonic() - began < 5
    assert codes(summary) == {"timeout"}


def test_everything_slow_at_once_is_still_in_time(
    serve: Serve,
    tmp_path: Path,
    settings: dict[str, str],
    model: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A source, the model and both receivers hang: within the bound of a request, and each is told of."""
    day_of(serve, tmp_path)
    monkeypatch.setattr(service_module, "TOTAL_S", 7.0)
    model.behave(Says(how="hang"))
    with hooks_server() as hooks:
        hooks.always = {"/in": Reply(how="hang"), "/slack": Reply(how="hang")}
        client = serve(
            "summary",
            REQUEST_DEADLINE_S="1",
            SUMMARY_WEBHOOK_URL=hooks.url("/in"),
            SLACK_WEBHOOK_URL=hooks.url("/slack"),
            WEBHOOK_SIGNING_KEY="a-signing-key-for-tests-0123456789",
            **settings,
        )
        use(monkeypatch, Instead("gcs", wait_s=9))
        began = time.monotonic()
        summary = made(client, {"deliver": ["slack", "webhook"]})
        elapsed_s = time.monotonic() - began

    assert elapsed_s < 8
    assert codes(summary) == {"source_timeout", "baseline_partial", "timeout"}
    assert [one["state"] for one in summary["deliveries"]] == ["pending", "pending"]


def test_the_bounds_are_those_of_the_contract() -> None:
    """Reading and model leave time for the rest within the minute that is promised."""
    assert service_module.TOTAL_S < 60
    assert model_module.MAX_MODEL_S <= 30
    assert service_module.MAX_READING_S + model_module.MAX_MODEL_S < service_module.TOTAL_S


def test_a_failed_answer_is_not_kept_for_long(
    client: Any, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a minute it spares a broken model; then the model is asked again, and the id is the same."""
    monkeypatch.setattr(wording_module, "UNSETTLED_S", 0.6)
    model.behave(Says(status=400), Says(truthful))
    failed, at_once = made(client), made(client)
    time.sleep(0.7)
    later = made(client)

    assert (failed["cache"], at_once["cache"], later["cache"]) == ("miss", "hit", "miss")
    assert (at_once["generator"], later["generator"]) == ("rules", MODEL)
    assert later["id"] == failed["id"]
    stored = client.get(f"/logs/summary/{later['id']}", headers=bearer()).json
    assert stored["generator"] == MODEL
    assert [one["generator"] for one in client.get("/logs/summary", headers=bearer()).json["summaries"]] == [
        MODEL
    ]


def test_what_a_cut_answer_cost_is_told_and_counted(client: Any, model: ModelServer) -> None:
    """It was paid for, though it was of no use."""
    model.behave(Says(truthful, finish_reason="length", usage=(2000, 1000)))

    assert made(client)["usage"] == {"prompt_tokens": 2000, "completion_tokens": 1000, "cost_usd": 0.0009}
    assert counted("model_cost_usd_total") == pytest.approx(0.0009)


def test_a_server_that_does_not_tell_its_usage_is_taken_at_its_most(client: Any, model: ModelServer) -> None:
    """No usage is not a free lunch: the prompt's estimate and all that the model may write."""
    made(client, {"type": "errors"})
    said = truthful(model.journal[0]["body"]["messages"])
    model.behave(Says(body=body(said, usage=None)))
    usage = made(client, {"type": "trends"})["usage"]

    assert usage["completion_tokens"] == 1000
    assert usage["prompt_tokens"] > 500
    assert usage["cost_usd"] > 0.0006


@pytest.mark.parametrize("usage", [(-5, -7), (10**15, 10**15), (2**70, 1)])
def test_a_usage_that_cannot_be_breaks_nothing(
    client: Any, model: ModelServer, usage: tuple[int, int]
) -> None:
    """Negative or beyond all reason: bounded, or not believed at all; never a 500, never a negative cost."""
    model.behave(Says(truthful, usage=usage))
    found = made(client)["usage"]

    assert 0 <= found["prompt_tokens"] <= 10_000_000
    assert 0 <= found["completion_tokens"] <= 10_000_000
    assert found["cost_usd"] >= 0


def test_no_log_line_has_the_key_or_the_prompt(
    serve: Serve, tmp_path: Path, settings: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where everything is logged, and where the model fails."""
    day_of(serve, tmp_path)
    client = serve("summary", LOG_LEVEL="DEBUG", **(settings | {"OPENAI_API_KEY": "k-test-sekrit-77"}))
    made(client)
    made(client, {"type": "errors"})

    printed = capsys.readouterr()
    assert "k-test-sekrit-77" not in printed.out + printed.err
    assert "Insufficient margin" not in printed.out + printed.err


def test_over_the_limit_the_rules_write(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer
) -> None:
    """A day's money of one caller is one caller's: `over_limit` for them, a model for the next."""
    day_of(serve, tmp_path)
    model.behave(Says(truthful, usage=(4000, 900)))
    client = serve("summary", SUMMARY_DAILY_USD="0.0015", **settings)
    kinds = iter(KINDS)

    def generators(sub: str, times: int) -> list[str]:
        headers = by("analyst", sub)
        answers = [
            client.post("/logs/summary", json=DAY | {"type": next(kinds)}, headers=headers).json
            for _ in range(times)
        ]
        return [one["generator"] for one in answers]

    assert generators("spender", 3) == [MODEL, "rules", "rules"]
    assert counted("model_failures_total", "over_limit") == 2
    assert generators("saver", 1) == [MODEL]


def test_one_callers_limit_is_no_answer_for_another(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer
) -> None:
    """The same question at once: rules for who has spent it all, a model for the next; and that one stays."""
    day_of(serve, tmp_path)
    model.behave(Says(truthful, usage=(4000, 900)))
    client = serve("summary", SUMMARY_DAILY_USD="0.0015", **settings)
    made(client, {"type": "errors"})
    spent = made(client)
    other = client.post("/logs/summary", json=DAY, headers=by("analyst", "saver")).json
    again = made(client)

    assert (spent["generator"], codes(spent)) == ("rules", {"over_limit"})
    assert (other["generator"], other["cache"], other["id"]) == (MODEL, "miss", spent["id"])
    assert (again["generator"], again["cache"]) == (MODEL, "hit")


@pytest.mark.parametrize("limit", ["0", "0.0", "0.0000001"])
def test_a_limit_of_nothing_calls_no_model(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer, limit: str
) -> None:
    """Not even one that costs nothing."""
    day_of(serve, tmp_path)
    prices = f'{{"{MODEL}": [0, 0]}}'
    client = serve("summary", SUMMARY_DAILY_USD=limit, OPENAI_PRICES=prices, **settings)
    summary = made(client)

    assert (summary["generator"], codes(summary)) == ("rules", {"over_limit"})
    assert model.journal == []


def test_callers_at_once_cannot_spend_the_same_dollar(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer
) -> None:
    """Six requests of one caller at once, with money for two: never more than two calls."""
    day_of(serve, tmp_path)
    model.behave(Says(truthful, after_s=0.5, usage=(4000, 1000)))
    # At its most a call is 4000 tokens read, 1000 written: 0.0012 dollars.
    client = serve("summary", SUMMARY_DAILY_USD="0.0019", **settings)
    app, headers = client.application, bearer("analyst")

    def call(kind: str) -> Any:
        return app.test_client().post("/logs/summary", json=DAY | {"type": kind}, headers=headers).json

    found = AtOnce([partial(call, kind) for kind in KINDS]).run()

    assert len(found) == 6
    assert {one["generator"] for one in found} <= {MODEL, "rules"}
    assert len(model.journal) <= 2


def test_what_failed_without_being_worked_on_costs_nothing(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer
) -> None:
    """A refused request gives its booking back: the next one has money for the model."""
    day_of(serve, tmp_path)
    client = serve("summary", SUMMARY_DAILY_USD="0.001", **settings)
    model.behave(Says(status=400), Says(truthful))
    generators = [made(client, {"type": kind})["generator"] for kind in ("errors", "trends")]

    assert generators == ["rules", MODEL]


def test_an_answer_of_the_api_is_a_summary_of_ours(client: Any) -> None:
    """Every field that the documents name, and no other but `cache`."""
    assert set(made(client)) == {*Summary.__struct_fields__, "cache"}
