"""What `POST /logs/summary` does not understand is refused by its place; wrong settings stop the start."""

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import Serve, bearer
from tests.functions.summary_world import DAY, ask, by, day_of, made
from tests.metrics.served import Served
from tests.servers.fake_secrets import FakeSecrets

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client(serve: Serve, tmp_path: Path) -> Any:
    """The function over a day of logs, without a model."""
    day_of(serve, tmp_path)
    return serve("summary", SUMMARY_RATE_LIMIT="off")


def send(client: Any, data: bytes | str, **headers: str) -> Any:
    """A body as it is."""
    return client.post("/logs/summary", data=data, headers=bearer("analyst") | JSON | headers)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"unknown": 1}, "/unknown"),
    ({"page_size": 10}, "/page_size"),
    ({"order": "asc"}, "/order"),
    ({"format": "csv"}, "/format"),
    ({"a/b~c": 1}, "/a~1b~0c"),
    ({"x" * 500: 1}, "/" + "x" * 100),
    ({"type": "Errors"}, "/type"),
    ({"type": ["errors"]}, "/type"),
    ({"type": None}, "/type"),
    ({"type": "\u0000"}, "/type"),
    ({"sources": "gcs"}, "/sources"),
    ({"sources": []}, "/sources"),
    ({"sources": ["s3"]}, "/sources"),
    ({"sources": [["gcs"]]}, "/sources"),
    ({"sources": None}, "/sources"),
    ({"deliver": ["email"]}, "/deliver"),
    ({"deliver": "slack"}, "/deliver"),
    ({"deliver": ["slack"]}, "/deliver"),
    ({"deliver": ["webhook"]}, "/deliver"),
    ({"deliver": {"slack": True}}, "/deliver"),
    ({"store": "yes"}, "/store"),
    ({"store": 1}, "/store"),
    ({"max_tokens": 499}, "/max_tokens"),
    ({"max_tokens": 0}, "/max_tokens"),
    ({"max_tokens": -4000}, "/max_tokens"),
    ({"max_tokens": True}, "/max_tokens"),
    ({"max_tokens": "4000"}, "/max_tokens"),
    ({"max_tokens": 4000.5}, "/max_tokens"),
    ({"max_tokens": None}, "/max_tokens"),
    ({"q": ""}, "/q"),
    ({"q": ["a", "b"]}, "/q"),
    ({"q": 5}, "/q"),
    ({"q": "a\u0007b"}, "/q"),
    ({"regex": "("}, "/regex"),
    ({"regex": "a" * 1001}, "/regex"),
    ({"exclude": "(?=x)"}, "/exclude"),
    ({"min_severity": "LOUD"}, "/min_severity"),
    ({"bot": []}, "/bot"),
    ({"bot": ["a", 5]}, "/bot"),
    ({"bot": ""}, "/bot"),
    ({"bot": "a\nb"}, "/bot"),
    ({"label.": {"a": 1}}, "/label."),
    ({"bot": "a", "label.bot": "b"}, "/label.bot"),
    ({"namespace": "gpt", "sources": ["gcs"]}, "/namespace"),
    ({"since": "1h"}, "/since"),
    ({"since": "1h", "start": None}, "/start"),
    ({"end": "2026-01-14T00:00:00Z"}, "/start"),
    ({"end": "2026-01-15T00:00:00Z"}, "/start"),
    ({"end": "2027-06-01T00:00:00Z"}, "/start"),
    ({"start": "2026-01-15"}, "/start"),
    ({"start": "2026-01-15T00:00:00"}, "/start"),
    ({"start": 1768435200}, "/start"),
    ({"start": "yesterday"}, "/start"),
    ({"end": "-0h"}, "/end"),
    ({"end": "-999999999d"}, "/end"),
]


@pytest.mark.parametrize(("body", "pointer"), BAD, ids=[json.dumps(body)[:50] for body, _ in BAD])
def test_what_is_not_understood_is_refused_by_its_place(
    client: Any, body: dict[str, Any], pointer: str
) -> None:
    """400 with a JSON pointer to the field, and not the value back."""
    answer = ask(client, body)

    assert (answer.status_code, answer.json["code"]) == (400, "invalid_request"), answer.text
    assert pointer in [fault["pointer"] for fault in answer.json["errors"]]
    assert answer.content_type == "application/problem+json"


def test_every_fault_is_named_at_once(client: Any) -> None:
    """So that a caller mends a request in one go."""
    answer = ask(client, {"type": "x", "sources": ["x"], "max_tokens": 1, "q": "", "nope": 1, "regex": "("})

    assert {fault["pointer"] for fault in answer.json["errors"]} == {
        "/type", "/sources", "/max_tokens", "/q", "/nope", "/regex",
    }  # fmt: skip


def test_a_thousand_faults_are_not_a_thousand_lines(client: Any) -> None:
    """The answer stays small, whatever was sent."""
    answer = ask(client, {f"field{n}": n for n in range(20_000)})

    assert answer.status_code == 400
    assert len(answer.json["errors"]) == 20
    assert len(answer.data) < 5_000


def test_a_hundred_thousand_values_are_too_many(client: Any) -> None:
    """Each would be looked at for every entry: refused."""
    assert ask(client, {"bot": [f"b{n}" for n in range(100_000)]}).status_code == 400
    assert ask(client, {"bot": [f"b{n}" for n in range(198)]}).status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        b"[]", b"null", b"5", b'"x"', b"true", b"{", b"{}{}", b"{'q': 1}", b'{"max_tokens": NaN}',
        b'{"max_tokens": Infinity}', b'{"q": "\xff"}', b'\xef\xbb\xbf{}', b'{"q": "\\ud800"}',
        b'{"\\udfff": "a"}', b'{"q": "a', b"[" * 200_000, b'{"a":' * 100_000, b"\x00", b"\x1f\x8b\x08",
        '{"q": "ä"}'.encode("utf-16"), b"start=2026&end=2027",
    ],
    ids=lambda data: repr(data[:20]),
)  # fmt: skip
def test_what_is_no_json_object_is_refused(client: Any, data: bytes) -> None:
    """400, with a pointer; not a 500, however deep or broken it is."""
    answer = send(client, data)

    assert (answer.status_code, answer.json["code"]) == (400, "invalid_request"), answer.text
    assert all("pointer" in fault for fault in answer.json["errors"])


@pytest.mark.parametrize("data", [b"", b"  \n", b"{}", b"{ }"])
def test_nothing_is_the_default(client: Any, data: bytes) -> None:
    """An empty body asks for everything of the last day."""
    answer = send(client, data)

    assert (answer.status_code, answer.json["type"]) == (200, "general")
    assert answer.json["window"]["defaulted"] is True


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_only_json_is_read(client: Any, kind: str) -> None:
    """415 for any other type, charset or not."""
    answer = send(client, b"{}", **{"Content-Type": kind})

    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")
    assert send(client, b"{}", **{"Content-Type": "application/json; charset=utf-8"}).status_code == 200
    assert send(client, b"{}", **{"Content-Type": "Application/JSON"}).status_code == 200


def test_a_megabyte_is_the_most(client: Any) -> None:
    """413 before anything is parsed; just below it is a 400 for what stands in it."""
    big = json.dumps({"q": "x" * (1 << 20)}).encode()
    answer = send(client, big)

    assert (answer.status_code, answer.json["code"]) == (413, "body_too_large")
    assert send(client, json.dumps({"nope": "x" * 1_000_000}).encode()).status_code == 400


@pytest.mark.parametrize(
    ("given", "taken"),
    [(500, True), (32_000, True), (10**9, True), (1e9, True), (10**30, True), (4000.0, True)],
)
def test_too_many_tokens_are_the_most_there_are(client: Any, given: Any, taken: bool) -> None:
    """Coerced to 32,000, as every limit is."""
    assert (ask(client, {"max_tokens": given}).status_code == 200) is taken
    if given > 32_000:
        assert made(client, {"max_tokens": given})["id"] == made(client, {"max_tokens": 32_000})["id"]


@pytest.mark.parametrize("key", ["x" * 257, "x" * 300, "ä", "a\tb", "\u20ac"])
def test_a_key_is_printable_and_not_too_long(client: Any, key: str) -> None:
    """400 naming the header; 256 characters are a key."""
    headers = bearer("analyst") | {"Idempotency-Key": key.encode("utf-8").decode("latin-1")}
    answer = client.post("/logs/summary", json=DAY, headers=headers)

    assert (answer.status_code, answer.json["code"]) == (400, "invalid_request")
    assert answer.json["errors"][0]["parameter"] == "Idempotency-Key"
    assert ask(client, Idempotency_Key="x" * 256).status_code == 200


def test_parameters_belong_into_the_body(client: Any) -> None:
    """A query string is refused, by name."""
    answer = client.post("/logs/summary?type=errors", json=DAY, headers=bearer("analyst"))

    assert answer.status_code == 400
    assert answer.json["errors"][0]["parameter"] == "type"


@pytest.mark.parametrize(
    "window",
    [
        {"end": "0001-01-01T00:00:00Z"},
        {"end": "0001-01-01T12:00:00Z"},
        {"start": "0001-01-01T00:00:00Z", "end": "0001-01-02T00:00:00Z"},
        {"start": "9999-12-30T00:00:00Z", "end": "9999-12-31T23:59:59.999999999Z"},
        {"start": "-366d"},
        {"since": "PT1S"},
        {"start": "1768435200", "end": "1768438800000"},
    ],
    ids=json.dumps,
)
def test_windows_at_the_ends_of_time_are_no_accident(client: Any, window: dict[str, str]) -> None:
    """An answer or a refusal; never a 500."""
    answer = client.post("/logs/summary", json=window, headers=bearer("analyst"))

    assert answer.status_code in {200, 400}, answer.text


@pytest.mark.parametrize(
    "text", ["😀" * 50, "\u202e\u200b", "<script>", "%00", "' OR 1=1 --", "${x}", "\\", "а" * 900]
)
def test_any_text_may_be_searched_for(client: Any, text: str) -> None:
    """Whatever is valid text is a filter, and nothing else."""
    assert made(client, {"q": text, "bot": text, "label.x": text})["coverage"]["matched"] == 0


def test_summaries_have_a_limit_of_their_own(serve: Serve, tmp_path: Path) -> None:
    """SUMMARY_RATE_LIMIT: 429 with Retry-After for one caller; reading them counts for RATE_LIMIT."""
    day_of(serve, tmp_path)
    client = serve("summary", SUMMARY_RATE_LIMIT="2/hour", RATE_LIMIT="4/hour")
    posts = [ask(client) for _ in range(3)]
    gets = [client.get("/logs/summary", headers=bearer("analyst")) for _ in range(5)]
    other = client.post("/logs/summary", json=DAY, headers=by("analyst", "somebody-else"))

    assert [answer.status_code for answer in posts] == [200, 200, 429]
    assert posts[2].json["code"] == "rate_limited"
    assert 1 <= int(posts[2].headers["Retry-After"]) <= 3600
    assert posts[0].headers["RateLimit"].startswith('"summary";r=1;t=')
    assert [answer.status_code for answer in gets] == [200] * 4 + [429]
    assert gets[0].headers["RateLimit"].startswith('"read";r=3;t=')
    assert other.status_code == 200


def test_the_order_of_the_checks(serve: Serve) -> None:
    """413 before 401, 403 before 429, 429 before 415, 415 before 400."""
    client = serve("summary", SUMMARY_RATE_LIMIT="2/hour")
    big = b"x" * (2 << 20)

    assert client.post("/logs/summary", data=big).status_code == 413
    assert client.post("/logs/summary", data=b"{}").status_code == 401
    for _ in range(3):
        assert client.post("/logs/summary", data=b"{}", headers=bearer()).status_code == 403
    analyst = bearer("analyst")
    assert client.post("/logs/summary", data=b"x", headers=analyst).status_code == 415
    assert client.post("/logs/summary", data=b"x", headers=analyst | JSON).status_code == 400
    assert client.post("/logs/summary", data=b"x", headers=analyst).status_code == 429


@pytest.mark.parametrize(
    ("settings", "named", "value"),
    [
        ({"OPENAI_PRICES": "sekrit"}, "OPENAI_PRICES", "sekrit"),
        ({"OPENAI_PRICES": '{"m": [1]}'}, "OPENAI_PRICES", "[1]"),
        ({"OPENAI_PRICES": '{"m": [-1.25, 2]}'}, "OPENAI_PRICES", "1.25"),
        ({"OPENAI_PRICES": '{"m": [1e99, 2]}'}, "OPENAI_PRICES", "1e99"),
        ({"OPENAI_BASE_URL": "http://models.example.com/v1"}, "OPENAI_BASE_URL", "models.example"),
        ({"OPENAI_BASE_URL": "sekrit"}, "OPENAI_BASE_URL", "sekrit"),
        ({"OPENAI_MAX_OUTPUT_TOKENS": "99"}, "OPENAI_MAX_OUTPUT_TOKENS", "99 "),
        ({"MARKET_HOURS": "nine to five"}, "MARKET_HOURS", "nine"),
        ({"MARKET_HOURS": "15:30-09:15 Asia/Kolkata"}, "MARKET_HOURS", "15:30-09:15"),
        ({"MARKET_HOURS": "09:15-15:30 Asia/Atlantis"}, "MARKET_HOURS", "Atlantis"),
        ({"SUMMARY_SCHEDULES": "{"}, "SUMMARY_SCHEDULES", "{"),
        ({"SUMMARY_SCHEDULES": '[{"sekrit": 1}]'}, "SUMMARY_SCHEDULES", "sekrit"),
        ({"SUMMARY_RATE_LIMIT": "fast"}, "SUMMARY_RATE_LIMIT", "fast"),
        ({"SUMMARY_DAILY_USD": "-1"}, "SUMMARY_DAILY_USD", "-1 "),
        ({"SUMMARY_DAILY_USD": "nan"}, "SUMMARY_DAILY_USD", "nan"),
        ({"SLACK_WEBHOOK_URL": "http://hooks.slack.com/sekrit"}, "SLACK_WEBHOOK_URL", "sekrit"),
        ({"SUMMARY_WEBHOOK_URL": "https://example.com/sekrit"}, "WEBHOOK_SIGNING_KEY", "sekrit"),
        (
            {"SUMMARY_WEBHOOK_URL": "https://example.com/sekrit", "WEBHOOK_SIGNING_KEY": "short"},
            "WEBHOOK_SIGNING_KEY",
            "short ",
        ),
        (
            {
                "SUMMARY_WEBHOOK_URL": "ftp://example.com/sekrit",
                "WEBHOOK_SIGNING_KEY": "k" * 32 + "0123456789",
            },
            "SUMMARY_WEBHOOK_URL",
            "sekrit",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_start(
    serve: Serve, settings: dict[str, str], named: str, value: str
) -> None:
    """One message that names it and prints no value."""
    with pytest.raises(SystemExit) as caught:
        serve("summary", **settings)

    assert named in str(caught.value)
    assert value not in str(caught.value)


def test_all_faults_are_one_message(serve: Serve) -> None:
    """Every wrong setting at once."""
    with pytest.raises(SystemExit) as caught:
        serve("summary", OPENAI_PRICES="x", MARKET_HOURS="x", SUMMARY_SCHEDULES="x", SUMMARY_RATE_LIMIT="x")

    message = str(caught.value)
    for name in ("OPENAI_PRICES", "MARKET_HOURS", "SUMMARY_SCHEDULES", "SUMMARY_RATE_LIMIT"):
        assert message.count(name) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_PRICES", b"sekrit-77"),
        ("SLACK_WEBHOOK_URL", b"http://hooks.slack.com/sekrit-77"),
        ("MARKET_HOURS", b"sekrit-77"),
    ],
)
def test_a_secret_that_cannot_be_used_is_a_503(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: bytes
) -> None:
    """What is only known at the first request is refused there: not set up, and no value anywhere."""
    with FakeSecrets() as secrets:
        monkeypatch.setenv("SECRET_MANAGER_EMULATOR_HOST", secrets.host)
        client = serve("summary", **{name: secrets.put("projects/p/secrets/one", value)})
        answer = ask(client)

    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    printed = capsys.readouterr().out
    assert name in printed
    assert "sekrit-77" not in answer.text + printed


def test_secrets_that_can_be_used_are(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A price list from Secret Manager is as good as one from the environment."""
    day_of(serve, tmp_path)
    with FakeSecrets() as secrets:
        monkeypatch.setenv("SECRET_MANAGER_EMULATOR_HOST", secrets.host)
        name = secrets.put("projects/p/secrets/prices", b'{"gpt-4o-mini": [1, 2]}\n')
        assert made(serve("summary", OPENAI_PRICES=name))["generator"] == "rules"


def chunked(url: str, *pieces: bytes, end: bytes = b"0\r\n\r\n") -> tuple[int, bytes]:
    """A request whose body comes in chunks, as it is sent: status and body of the answer."""
    address = urlsplit(url)
    head = "".join(f"{name}: {value}\r\n" for name, value in (bearer("analyst") | JSON).items())
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as wire:
        wire.sendall(
            f"POST /logs/summary HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            f"Connection: close\r\n{head}\r\n".encode()
        )
        for piece in pieces:
            wire.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        wire.sendall(end)
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
    head_, _, body = answer.partition(b"\r\n\r\n")
    return int(head_.split()[1]), body


def test_bodies_may_come_in_chunks(serve: Serve, tmp_path: Path) -> None:
    """Read like any other, up to the same megabyte; chunks that are none are a 400."""
    day_of(serve, tmp_path)
    body = json.dumps(DAY | {"type": "errors"}).encode()
    with Served("summary", LOCAL_DATA_DIR=str(tmp_path)) as served:
        status, answer = chunked(served.url, body[:10], body[10:])
        assert (status, json.loads(answer)["type"]) == (200, "errors")
        assert chunked(served.url, b"{")[0] == 400
        assert chunked(served.url, *[b"x" * 100_000] * 11)[0] == 413
        assert chunked(served.url, end=b"zz\r\nhello\r\n0\r\n\r\n")[0] == 400
