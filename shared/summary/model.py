"""The model: one question, within seconds, bytes and one retry. Whatever it does, the caller gets a draft or
a reason why there is none.

Any server that speaks OpenAI's chat completions with structured output will do. The client is imported when
it is first needed: it costs a third of a second.
"""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Final, Protocol

import msgspec

from shared.summary.prompt import SCHEMA, Prompt
from shared.summary.verify import Draft

# One answer of 1,000 tokens is about 5 KB.
MAX_ANSWER_BYTES: Final = 1 << 20
MAX_MODEL_S: Final = 30.0
_CHUNK_BYTES: Final = 16_384
_logger = logging.getLogger(__name__)


class ModelFailed(Exception):
    """No usable answer. `reason` is a metric label and a warning's code; it holds nothing that was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Answered(msgspec.Struct, frozen=True):
    """A model's answer, of the right shape; the numbers are the server's own."""

    draft: Draft
    prompt_tokens: int
    completion_tokens: int


class Model(Protocol):
    """What words facts and digest."""

    name: str
    max_output_tokens: int

    def ask(self, prompt: Prompt, timeout_s: float) -> Answered:
        """One answer. Raises: ModelFailed, at most `timeout_s` later."""


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


class OpenAiModel:
    """Chat completions at `base_url`, or OpenAI's own when it is empty."""

    def __init__(self, api_key: str, name: str, max_output_tokens: int, base_url: str = "") -> None:
        self.name = name
        self.max_output_tokens = max_output_tokens
        self._api_key = api_key
        self._base_url = base_url or None
        self._client: Any = None
        # A request that outlives its time is left to end by itself, and must not be waited for.
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="model")

    def ask(self, prompt: Prompt, timeout_s: float) -> Answered:
        """See Model."""
        timeout_s = min(timeout_s, MAX_MODEL_S)
        if timeout_s < 1:
            raise ModelFailed("timeout")
        asked = self._pool.submit(self._completion, prompt, time.monotonic() + timeout_s)
        try:
            body = asked.result(timeout=timeout_s)
        except FutureTimeout:
            asked.cancel()
            raise ModelFailed("timeout") from None
        return _read(body)

    def _completion(self, prompt: Prompt, until: float) -> bytes:
        """The body of an answer of 200, read no further than it may be long or take."""
        import openai

        remaining_s = until - time.monotonic()
        try:
            streamed = self._openai().with_options(timeout=remaining_s * 0.6).chat.completions
            with streamed.with_streaming_response.create(
                model=self.name,
                messages=prompt.messages,
                max_completion_tokens=self.max_output_tokens,
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "summary", "strict": True, "schema": SCHEMA},
                },
            ) as response:
                return _bounded(response, until)
        except openai.APITimeoutError:
            raise ModelFailed("timeout") from None
        except openai.RateLimitError:
            raise ModelFailed("rate_limited") from None
        except openai.APIStatusError as exc:
            _logger.warning("the model answered %d", exc.status_code)
            raise ModelFailed("unreachable" if exc.status_code >= 500 else "rejected") from None
        except openai.OpenAIError:
            raise ModelFailed("unreachable") from None
        except ModelFailed:
            raise
        except Exception as exc:  # noqa: BLE001 - see below
            # A body that breaks off is an error of the transport, whose classes are the client's own. No
            # traceback: what was sent or answered could stand in it.
            _logger.warning("the model's answer broke off: %s", type(exc).__name__)
            raise ModelFailed("unreachable") from None

    def _openai(self) -> Any:
        if self._client is None:
            from openai import OpenAI

            self._client = OpenAI(api_key=self._api_key, base_url=self._base_url, max_retries=1)
        return self._client


def _bounded(response: Any, until: float) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes(_CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ModelFailed("too_large")
        if time.monotonic() > until:
            raise ModelFailed("timeout")
    return bytes(body)


def _read(body: bytes) -> Answered:
    """The draft of a completion. Raises: ModelFailed."""
    try:
        completion = msgspec.json.decode(body, type=_Completion)
        choice = completion.choices[0]
    except (msgspec.MsgspecError, ValueError, IndexError, RecursionError):
        raise ModelFailed("bad_answer") from None
    if choice.message.refusal or choice.finish_reason == "content_filter":
        raise ModelFailed("refused")
    if choice.finish_reason == "length":
        raise ModelFailed("cut")
    try:
        draft = msgspec.json.decode(choice.message.content or "", type=Draft)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise ModelFailed("bad_answer") from None
    usage = completion.usage or _Usage()
    return Answered(draft, max(0, usage.prompt_tokens), max(0, usage.completion_tokens))
