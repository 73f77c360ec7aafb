"""No secret leaves by a summary, whoever asks: not to the model, the caller, the log, the store."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from shared import wiring
from tests.conftest import Serve, bearer
from tests.functions.mirror import Mirror, jsonl, stored_line, zipped
from tests.functions.summary_world import DAY, FOLDER, MODEL, SIGNING, TRADES, ask, made, trade, truthful
from tests.functions.test_redaction import NAMES, TEXTS, found_in, telling
from tests.redact.test_redact import PLANTED
from tests.servers.hooks_server import HooksServer
from tests.servers.model_server import ModelServer, Says


@pytest.fixture
def settings(model: ModelServer, hooks: HooksServer) -> dict[str, str]:
    """Everything that a summary can reach."""
    return {
        "OPENAI_API_KEY": "k-test",
        "OPENAI_BASE_URL": model.url,
        "SUMMARY_WEBHOOK_URL": hooks.url("/in"),
        "SLACK_WEBHOOK_URL": hooks.url("/slack"),
        "WEBHOOK_SIGNING_KEY": SIGNING,
        "SUMMARY_RATE_LIMIT": "off",
        "LOG_LEVEL": "DEBUG",
    }


def plant(mirror: Mirror) -> None:
    """Each secret as an error's message, in a payload, in labels of a trade, in a line of a pod."""
    time = "2026-01-15T05:00:07Z"
    for at, text in enumerate(TEXTS):
        records = [
            {"timestamp": time, "level": "ERROR", "bot_type": "stock_trader", "message": f"no {at}: {text}"},
            {"timestamp": time, "level": "ERROR", "message": f"no {at}", "data": {"notes": [text]}},
            {"timestamp": time, "level": "ERROR", "error_message": f"at {at}", "stack_trace": text},
        ]
        named = [
            trade(f"T{at}", bot_type=text, timestamp=time),
            trade(f"U{at}", strategy=text, timestamp=time),
            trade(f"V{at}", symbol=text, timestamp=time),
            trade(text, timestamp=time),
        ]
        mirror.put(f"trades/2026/01/15/b{at}/system_logs_043107_v1.jsonl.gz", zipped(jsonl(records)))
        mirror.put(f"{FOLDER}/trades_detailed_{at:06}_v1.json.gz", zipped(json.dumps(named).encode()))
        mirror.put_document(f"{TRADES}/t{at}", trade(f"W{at}", symbol=text, timestamp=time))
        mirror.put_document(f"{TRADES}/e{at}", {"error_message": text, "timestamp": time, "level": "ERROR"})
    mirror.put_lines(
        stored_line(
            f"2026-01-15T06:{at // 60:02}:{at % 60:02}Z",
            f"[ERROR] [system] {quote(text, safe='') if at % 2 else text}",
            insert_id=f"line-{at}",
            stream="stderr",
        )
        for at, text in enumerate(TEXTS)
    )


def kept(root: Path) -> str:
    """Every key and value of the state store, as a reader of it would see them."""
    store = wiring.state_store().store
    values = [f"{key} {value.decode('utf-8', 'replace')}" for key, value in store.scan("")]
    counters = [f"{key} {sums}" for key, sums in store.counters("")]
    assert len(values) > 3
    raw = (root / "state.db").read_bytes() + (root / "state.db-wal").read_bytes()
    return "\n".join([*values, *counters, raw.decode("latin-1")])


@pytest.mark.parametrize("role", ["analyst", "admin", "scheduler"])
def test_no_secret_leaves_by_a_summary(
    serve: Serve,
    tmp_path: Path,
    settings: dict[str, str],
    model: ModelServer,
    hooks: HooksServer,
    capsys: pytest.CaptureFixture[str],
    role: str,
) -> None:
    """None of over 50 kinds in the model's requests, answers, log, store, metrics or what was delivered."""
    plant(Mirror(tmp_path, serve))
    client = serve("summary", **settings)
    capsys.readouterr()
    answers = []
    for kind in ("general", "errors", "security", "trading"):
        asked = {"type": kind, "max_tokens": 32_000, "deliver": ["webhook", "slack"]}
        answers.append(made(client, asked, role, Idempotency_Key=f"{role}-{kind}"))
    answers.append(made(client, {"q": "no", "max_tokens": 32_000}, role))
    reader = bearer("admin")
    answers.append(client.get("/logs/summary", headers=reader).json)
    answers.append(client.get(f"/logs/summary/{answers[0]['id']}", headers=reader).json)
    printed = capsys.readouterr()
    state = kept(tmp_path)
    metrics = serve("metrics").get("/metrics?scope=instance", headers=bearer("metrics")).text

    assert len(model.journal) == 5
    assert len(hooks.received("/in")) == len(hooks.received("/slack")) == 4
    places = {
        "model": json.dumps(model.journal, ensure_ascii=False),
        "answers": json.dumps(answers, ensure_ascii=False),
        "log": printed.out + printed.err,
        "store": state,
        "metrics": metrics,
        "webhook": "".join(one.body.decode() for one in hooks.received("/in")),
        "slack": "".join(one.body.decode() for one in hooks.received("/slack")),
    }
    assert {place: found for place, text in places.items() if (found := found_in(text))} == {}


def test_the_secrets_were_there_to_be_found(serve: Serve, tmp_path: Path) -> None:
    """An admin reads every one of them on the other routes: the test above had something to find."""
    plant(Mirror(tmp_path, serve))
    texts = []
    for source in ("gcs", "firestore", "pods"):
        asked = DAY | {"page_size": "1000"}
        texts.append(serve(source).get(f"/logs/{source}", query_string=asked, headers=bearer("admin")).text)

    assert sorted(found_in("".join(texts))) == sorted(NAMES)
    assert len(NAMES) >= 25


def test_a_model_that_knows_a_secret_cannot_tell_it(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer
) -> None:
    """What it writes goes through the same redaction: a key it made up or remembered is not answered."""
    plant(Mirror(tmp_path, serve))
    secret = PLANTED["openai"][1]

    def telling_it(messages: list[dict[str, str]]) -> str:
        draft = json.loads(truthful(messages))
        draft["findings"].append(draft["findings"][0] | {"claim": f"no key {secret} used"})
        return json.dumps(
            draft | {"headline": f"key {secret} used", "recommended_checks": [f"Check {secret}"]}
        )

    model.behave(Says(telling_it))
    answer = ask(serve("summary", **settings))

    assert answer.status_code == 200
    assert not [piece for piece in telling(secret) if piece in answer.text]


@pytest.mark.parametrize("label", ["bot", "strategy", "symbol", "trade_id", "label.bot_type"])
def test_a_secret_cannot_be_guessed_through_a_filter(serve: Serve, tmp_path: Path, label: str) -> None:
    """Asked for by its own text a label that was redacted matches nothing, whoever asks."""
    plant(Mirror(tmp_path, serve))
    client = serve("summary", SUMMARY_RATE_LIMIT="off")
    for name in ("openai", "pan", "phone", "e-mail", "jwt"):
        text = PLANTED[name][0].format(PLANTED[name][1])
        assert made(client, {label: text}, "admin")["coverage"]["matched"] == 0, name


@pytest.mark.parametrize("field", ["q", "regex"])
def test_nor_through_a_search(serve: Serve, tmp_path: Path, field: str) -> None:
    """The text filters of a summary see what is redacted, an admin's too."""
    plant(Mirror(tmp_path, serve))
    client = serve("summary", SUMMARY_RATE_LIMIT="off")

    for name in ("pan", "kite api secret", "slack token"):
        assert made(client, {field: PLANTED[name][1]}, "admin")["coverage"]["matched"] == 0, name
    assert made(client, {"q": "[API_KEY:"}, "admin")["coverage"]["matched"] > 0


def test_the_question_itself_is_not_written_down(
    serve: Serve, tmp_path: Path, settings: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the text that was searched for nor the key of the run stands in the log or in the store."""
    plant(Mirror(tmp_path, serve))
    client = serve("summary", **settings)
    assert made(client, {"q": "needle-7731"}, Idempotency_Key="run-8842-of-mine")["generator"] == "rules"

    printed = capsys.readouterr().out + kept(tmp_path)
    assert "needle-7731" not in printed
    assert "run-8842-of-mine" not in printed


def test_placeholders_are_shown_and_quoted(
    serve: Serve, tmp_path: Path, settings: dict[str, str], model: ModelServer
) -> None:
    """That a credential was written into the log is news: the placeholder stays where the secret was."""
    mirror = Mirror(tmp_path, serve)
    around, secret, kind = PLANTED["openai"]
    record = {"timestamp": "2026-01-15T05:00:07Z", "level": "ERROR", "message": around.format(secret)}
    mirror.put(f"{FOLDER}/system_logs_043107_v1.jsonl", jsonl([record]))

    summary = made(serve("summary", **settings), {"type": "security"})

    assert summary["generator"] == MODEL
    assert f"[{kind}:" in summary["findings"][0]["claim"]
    assert f"[{kind}:" in json.dumps(model.journal[0]["body"]["messages"][1])


def test_the_database_is_a_database(serve: Serve, tmp_path: Path, settings: dict[str, str]) -> None:
    """What `kept` reads is all there is: no other table."""
    plant(Mirror(tmp_path, serve))
    made(serve("summary", **settings))
    with closing(sqlite3.connect(tmp_path / "state.db")) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    assert tables == {"value", "counter"}
