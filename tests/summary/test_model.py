"""The client of a model against a real server: what is sent, what is read, and what is left behind."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from shared.query import Window
from shared.summary.digest import Baseline, Digest, findable
from shared.summary.model import MAX_ANSWER_BYTES, Answered, ModelFailed, OpenAiModel, Used
from shared.summary.prompt import SCHEMA, Prompt, build
from tests.servers.model_server import ModelServer, Says, model_server

WINDOW = Window(0, 3_600_000_000_000)
DRAFT = '{"headline": "h", "findings": [], "recommended_checks": ["Check it"]}'


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """One that answers a draft."""
    with model_server() as running:
        running.behave(Says(DRAFT, usage=(7, 3)))
        yield running


def model(server: ModelServer) -> OpenAiModel:
    """A client of it."""
    return OpenAiModel("k-test", "m-1", 321, server.url)


def prompt() -> Prompt:
    """Of an empty hour."""
    found = findable(Digest(), Baseline(), WINDOW)
    facts = found.facts.document(WINDOW) | {"window": WINDOW.document()}
    return build(found, facts, "general", 4000)


def failure(server: ModelServer, timeout_s: float = 20.0) -> ModelFailed:
    """Why there is no answer."""
    with pytest.raises(ModelFailed) as caught:
        model(server).ask(prompt(), timeout_s)
    return caught.value


def test_a_draft_is_read_with_its_usage(server: ModelServer) -> None:
    """Headline, findings, checks; tokens as the server counts them."""
    answered = model(server).ask(prompt(), 20.0)

    assert isinstance(answered, Answered)
    assert (answered.draft.headline, answered.draft.recommended_checks) == ("h", ["Check it"])
    assert answered.used == Used(7, 3)


def test_the_request_is_the_prompt_and_the_schema(server: ModelServer) -> None:
    """The two messages as they were built, the strict schema, and the bound of the answer."""
    asked = prompt()
    model(server).ask(asked, 20.0)

    body = server.journal[0]["body"]
    assert body["messages"] == asked.messages
    assert body["response_format"]["json_schema"] == {"name": "summary", "strict": True, "schema": SCHEMA}
    assert (body["model"], body["max_completion_tokens"]) == ("m-1", 321)


def test_what_the_schema_does_not_have_is_ignored(server: ModelServer) -> None:
    """A server that adds fields of its own is still understood."""
    server.behave(Says(DRAFT[:-1] + ', "thoughts": [1, 2]}'))

    assert model(server).ask(prompt(), 20.0).draft.headline == "h"


@pytest.mark.parametrize("size", [MAX_ANSWER_BYTES // 2, MAX_ANSWER_BYTES + 1])
def test_an_answer_has_a_size(server: ModelServer, size: int) -> None:
    """A mebibyte at most is read, wherever it is too much."""
    server.behave(Says(DRAFT[:-1] + ', "pad": "' + "x" * size + '"}'))
    if size > MAX_ANSWER_BYTES:
        assert failure(server).reason == "too_large"
    else:
        assert model(server).ask(prompt(), 20.0).draft.headline == "h"


@pytest.mark.parametrize(
    ("says", "free", "again"),
    [
        (Says(status=429), True, True),
        (Says(status=500), True, True),
        (Says(status=400), True, False),
        (Says(how="close"), False, False),
        (Says(DRAFT, how="cut"), False, False),
        (Says("no JSON"), False, False),
        (Says(DRAFT, finish_reason="length"), False, False),
    ],
)
def test_a_failure_says_whether_it_cost_something(
    server: ModelServer, says: Says, free: bool, again: bool
) -> None:
    """What was surely not worked on is free; the rest may have been paid for."""
    server.behave(says)
    failed = failure(server)

    assert (failed.free, failed.again_after_s is not None) == (free, again)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_prompt_is_not_sent_on(server: ModelServer, status: int) -> None:
    """A redirect is a refusal: what was asked goes to the configured address only."""
    with model_server() as elsewhere:
        elsewhere.behave(Says(DRAFT))
        there = f"{elsewhere.url}/chat/completions"
        server.behave(Says(status=status, headers={"Location": there}))
        failed = failure(server)

        assert (failed.reason, len(server.journal), elsewhere.journal) == ("rejected", 1, [])


def test_a_failure_says_what_was_used(server: ModelServer) -> None:
    """Where the answer told it."""
    server.behave(Says("no JSON", usage=(70, 30)))
    assert failure(server).used == Used(70, 30)
    server.behave(Says(how="close"))
    assert failure(server).used is None


def test_a_busy_server_is_asked_when_it_says(server: ModelServer) -> None:
    """Retry-After is kept; one that asks for more than half of the time is not asked again."""
    server.behave(Says(status=429, headers={"Retry-After": "1"}), Says(DRAFT))
    began = time.monotonic()
    model(server).ask(prompt(), 20.0)
    assert 1.0 <= time.monotonic() - began < 4

    server.behave(Says(status=429, headers={"Retry-After": "15"}))
    began = time.monotonic()
    assert failure(server).reason == "rate_limited"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "retry_after", ["-5", "soon", "1e9", "Wed, 25 Nov 2026 10:00:00 GMT", "٣", "9" * 400]
)
def test_a_strange_retry_after_breaks_nothing(server: ModelServer, retry_after: str) -> None:
    """Not a number of seconds: asked again after a moment, or not at all."""
    server.behave(Says(status=429, headers={"Retry-After": retry_after.encode().decode("latin-1")}))

    assert failure(server, 3.0).reason == "rate_limited"


@pytest.mark.parametrize(
    "says", [Says(how="hang"), Says(DRAFT, how="drip"), Says(DRAFT, after_s=9)], ids=["hang", "drip", "late"]
)
def test_time_is_kept_and_nothing_is_left_behind(server: ModelServer, says: Says) -> None:
    """After 1.2 s the caller goes on; the thread that asked ends soon, for its connection is cut."""
    server.behave(says)
    before = set(threading.enumerate())
    began = time.monotonic()
    failed = failure(server, 1.2)

    assert (failed.reason, failed.free) == ("timeout", False)
    assert time.monotonic() - began < 2.2
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "model" and t not in before])


def wait_until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 5.0
    while not true():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.01)


@pytest.mark.parametrize("seconds", [0.9, 0.0, -3.0])
def test_without_time_nobody_is_asked(server: ModelServer, seconds: float) -> None:
    """A timeout that costs nothing."""
    failed = failure(server, seconds)

    assert (failed.reason, failed.free, server.journal) == ("timeout", True, [])


def test_a_failure_has_no_word_of_what_was_sent(
    server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither prompt nor key nor answer, in the exception or in the log."""
    server.behave(Says(status=400, body=b'{"error": {"message": "sekrit-77 in DATA"}}'))
    failed = failure(server)

    told = f"{failed!r} {failed.__cause__!r} {caplog.text}"
    assert not [word for word in ("sekrit-77", "k-test", "DATA") if word in told]


def test_a_client_that_cannot_be_made_is_a_failure_like_others(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy's address that nobody can use costs the model's words, and not the page."""
    monkeypatch.setenv("ALL_PROXY", "nonsense://proxy.invalid:1")

    failed = failure(server)

    assert (failed.reason, failed.free, server.journal) == ("unreachable", True, [])
