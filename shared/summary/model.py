"""The model: one question, within seconds, bytes and one retry. Whatever it does, the caller gets a draft or
a reason why there is none.

Any server that speaks OpenAI's chat completions with structured output will do. The client is imported when
it is first needed: it costs a third of a second.
"""

import contextvars
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Final, Protocol

import msgspec

from shared.summary.prompt import SCHEMA, Prompt
from shared.summary.verify import Draft

# One answer of 1,000 tokens is about 5 KB.
MAX_ANSWER_BYTES: Final = 1 << 20
MAX_MODEL_S: Final = 30.0
# Not worth asking with less.
_MIN_S: Final = 1.0
_PAUSE_S: Final = 0.5
_MOST_TOKENS: Final = 10_000_000
_logger = logging.getLogger(__name__)


class Used(msgspec.Struct, frozen=True):
    """Tokens of one call, by the server's own count."""

    prompt: int
    completion: int


class ModelFailed(Exception):
    """No usable answer. `reason` is a metric label and a warning's code; it holds nothing that was sent.

    `free`: the request was not worked on, and costs nothing. `used`: what it cost all the same, where the
    server said so. `again_after_s`: when the same request may do better; None: it would not.
    """

    def __init__(
        self,
        reason: str,
        *,
        free: bool = False,
        used: Used | None = None,
        again_after_s: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.free = free
        self.used = used
        self.again_after_s = again_after_s


class Answered(msgspec.Struct, frozen=True):
    """A model's answer, of the right shape; `used` is None when the server did not say."""

    draft: Draft
    used: Used | None


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
    """Chat completions at `base_url`, or OpenAI's own when it is empty.

    Each question has a client and a thread of its own: when its time is over it is cut off, and nobody waits.
    """

    def __init__(self, api_key: str, name: str, max_output_tokens: int, base_url: str = "") -> None:
        self.name = name
        self.max_output_tokens = max_output_tokens
        self._api_key = api_key
        self._base_url = base_url or None

    def ask(self, prompt: Prompt, timeout_s: float) -> Answered:
        """See Model."""
        timeout_s = min(timeout_s, MAX_MODEL_S)
        if timeout_s < _MIN_S:
            raise ModelFailed("timeout", free=True)
        until = time.monotonic() + timeout_s
        try:
            client = self._client(timeout_s)
        except Exception as exc:  # noqa: BLE001 - of a proxy's address or a bundle of certificates: ours to mend
            _logger.error("the model's client cannot be made: %s", type(exc).__name__)  # noqa: TRY400
            raise ModelFailed("unreachable", free=True) from None
        try:
            return _read(_within(timeout_s, lambda: self._tried(client, prompt, until)))
        except FutureTimeout:
            raise ModelFailed("timeout") from None
        finally:
            client.close()

    def _tried(self, client: Any, prompt: Prompt, until: float) -> bytes:
        """Once more when the server is busy or down, and there is time."""
        try:
            return self._completion(client, prompt, until)
        except ModelFailed as failed:
            pause_s = failed.again_after_s
            if pause_s is None or pause_s > (until - time.monotonic()) / 2:
                raise
        time.sleep(pause_s)
        return self._completion(client, prompt, until)

    def _completion(self, client: Any, prompt: Prompt, until: float) -> bytes:
        """The body of an answer of 200, read no further than it may be long or take."""
        import openai

        try:
            with client.chat.completions.with_streaming_response.create(
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
        except openai.APIStatusError as exc:
            raise _refused(exc.status_code, exc.response.headers.get("retry-after", "")) from None
        except openai.APIConnectionError as exc:
            # Only who was never reached cannot have worked on it.
            unheard = type(exc.__cause__).__name__ == "ConnectError"
            raise ModelFailed(
                "unreachable", free=unheard, again_after_s=_PAUSE_S if unheard else None
            ) from None
        except ModelFailed:
            raise
        except Exception as exc:  # noqa: BLE001 - see below
            # A body that breaks off is an error of the transport, whose classes are the client's own. No
            # traceback: what was sent or answered could stand in it.
            _logger.warning("the model's answer broke off: %s", type(exc).__name__)
            raise ModelFailed("unreachable") from None

    def _client(self, timeout_s: float) -> Any:
        from openai import DefaultHttpxClient, OpenAI

        return OpenAI(
            api_key=self._api_key,
            base_url=self._base_url,
            max_retries=0,
            timeout=timeout_s,
            # Logs go to the address that was configured, and to no other.
            http_client=DefaultHttpxClient(timeout=timeout_s, follow_redirects=False),
        )


def _within(timeout_s: float, work: Callable[[], bytes]) -> bytes:
    """What `work` gives, in time; else it goes on alone, in a thread that nobody waits for.

    Raises: TimeoutError.
    """
    done: Future[bytes] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as exc:  # noqa: BLE001 - raised where it is waited for
            done.set_exception(exc)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="model", daemon=True).start()
    return done.result(timeout_s)


def _refused(status: int, retry_after: str) -> ModelFailed:
    """What an error's status means; such a request costs nothing."""
    _logger.warning("the model answered %d", status)
    if status != 429 and status < 500:
        return ModelFailed("rejected", free=True)
    asked_s = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    reason = "rate_limited" if status == 429 else "unreachable"
    return ModelFailed(reason, free=True, again_after_s=max(_PAUSE_S, asked_s))


def _bounded(response: Any, until: float) -> bytes:
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
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
    used = _used(completion.usage)
    if choice.message.refusal or choice.finish_reason == "content_filter":
        raise ModelFailed("refused", used=used)
    if choice.finish_reason == "length":
        raise ModelFailed("cut", used=used)
    try:
        draft = msgspec.json.decode(choice.message.content or "", type=Draft)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise ModelFailed("bad_answer", used=used) from None
    return Answered(draft, used)


def _used(usage: _Usage | None) -> Used | None:
    """Within what a call can have: a server's slip must not fill a purse or a metric."""
    if usage is None:
        return None
    read, written = (min(max(0, n), _MOST_TOKENS) for n in (usage.prompt_tokens, usage.completion_tokens))
    return Used(read, written)
