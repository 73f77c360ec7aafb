"""The model server is what its tests believe: an OpenAI client talks to it, and its faults are faults."""

import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.servers.model_server import ModelServer, Says, model_server

MESSAGES: Any = [{"role": "system", "content": "Count."}, {"role": "user", "content": "one two three"}]


@pytest.fixture
def models() -> Iterator[ModelServer]:
    """A server of its own for each test."""
    with model_server() as server:
        yield server


def _ask(models: ModelServer, timeout: float = 5.0) -> Any:
    with openai.OpenAI(api_key="k-1", base_url=models.url, timeout=timeout, max_retries=0) as client:
        return client.chat.completions.create(model="small", messages=MESSAGES)


def test_client_gets_what_the_function_says(models: ModelServer) -> None:
    """The text is made from the messages, and the journal has what was sent."""
    models.behave(lambda messages: f"{len(messages[1]['content'].split())} words")

    answer = _ask(models)

    assert answer.choices[0].message.content == "3 words"
    assert answer.choices[0].finish_reason == "stop"
    assert models.journal[0]["body"]["messages"] == MESSAGES
    assert models.journal[0]["headers"]["authorization"] == "Bearer k-1"
    assert models.journal[0]["path"] == "/v1/chat/completions"


def test_plan_is_followed_and_its_last_answer_stays(models: ModelServer) -> None:
    """Each request has its own answer, until the last."""
    models.behave(Says(status=429, headers={"Retry-After": "7"}), "second", "last")

    with pytest.raises(openai.RateLimitError) as refused:
        _ask(models)

    assert refused.value.response.headers["retry-after"] == "7"
    assert [_ask(models).choices[0].message.content for _ in range(3)] == ["second", "last", "last"]


@pytest.mark.parametrize(("status", "error"), [(400, "BadRequestError"), (500, "InternalServerError")])
def test_status_is_the_clients_error(models: ModelServer, status: int, error: str) -> None:
    """A failing status has OpenAI's error object."""
    models.behave(Says(status=status))

    with pytest.raises(getattr(openai, error), match=f"told to answer {status}"):
        _ask(models)


def test_refusal_usage_and_a_cut_answer_are_told(models: ModelServer) -> None:
    """What a model may do instead of answering stands where the API has it."""
    models.behave(Says(refusal="I cannot"), Says("half", finish_reason="length", usage=(11, 7)))

    refused, cut = _ask(models), _ask(models)

    assert (refused.choices[0].message.content, refused.choices[0].message.refusal) == (None, "I cannot")
    assert (cut.choices[0].finish_reason, cut.usage.prompt_tokens, cut.usage.completion_tokens) == (
        "length",
        11,
        7,
    )


@pytest.mark.parametrize("says", [Says(how="hang"), Says(after_s=30)], ids=["hang", "late"])
def test_silence_outlasts_a_client(models: ModelServer, says: Says) -> None:
    """Whoever waits a third of a second goes without an answer."""
    models.behave(says)

    with pytest.raises(openai.APITimeoutError):
        _ask(models, timeout=0.3)


def test_a_dripping_answer_never_times_out_between_two_bytes(models: ModelServer) -> None:
    """A client's timeout is for each read: bytes that come singly keep it waiting beyond that."""
    models.behave(Says(how="drip", body=b"0123456789"))
    begun = time.monotonic()

    with pytest.raises(ValueError):
        _ask(models, timeout=0.3)

    assert time.monotonic() - begun >= 0.45


@pytest.mark.parametrize(
    "says", [Says(how="close"), Says("x" * 100, how="cut")], ids=["before the answer", "in its middle"]
)
def test_hanging_up_is_a_broken_connection(models: ModelServer, says: Says) -> None:
    """No half of an answer passes for one."""
    models.behave(says)

    with pytest.raises(openai.APIConnectionError):
        _ask(models)


def test_body_may_be_anything(models: ModelServer) -> None:
    """Five megabytes arrive whole; what is no JSON is not made into some."""
    models.behave(Says("y" * 5_000_000), Says(body=b"{not json"))

    assert len(_ask(models).choices[0].message.content) == 5_000_000
    with pytest.raises(ValueError):
        _ask(models)


def test_other_paths_are_not_found(models: ModelServer) -> None:
    """Only chat completions are served."""
    with (
        openai.OpenAI(api_key="k", base_url=models.url + "/more", max_retries=0) as client,
        pytest.raises(openai.NotFoundError),
    ):
        client.chat.completions.create(model="small", messages=MESSAGES)
