"""A real HTTP server on loopback with OpenAI's chat completions: notes every request, and can misbehave.

What it answers is a `Says`, or any function from the messages of a request to the text of the answer.
Source: https://platform.openai.com/docs/api-reference/chat
"""

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Messages = list[dict[str, str]]
Answer = Callable[[Messages], str]


@dataclass(frozen=True)
class Says:
    """How one request is answered.

    `text` is what the model says. `body` replaces the whole body. `refusal` is said instead of a text.
    `usage` is (prompt, completion) tokens; else a quarter of the characters. Any status but 200 has OpenAI's
    error object, unless there is a `body`.
    `how`: "answer"; "hang" says nothing until the server stops; "close" hangs up without a word; "cut" hangs
    up in the middle of the body; "drip" sends the body a byte every 50 ms.
    """

    text: str | Answer = "{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    finish_reason: str = "stop"
    refusal: str | None = None
    usage: tuple[int, int] | None = None
    how: Literal["answer", "hang", "close", "cut", "drip"] = "answer"
    after_s: float = 0.0

    def rendered(self, request: Any) -> bytes:
        """The body of the answer to a request."""
        if self.body is not None:
            return self.body
        if self.status != 200:
            error = {"message": f"told to answer {self.status}", "type": "test", "param": None, "code": None}
            return json.dumps({"error": error}).encode()
        return json.dumps(self._completion(request)).encode()

    def _completion(self, request: Any) -> dict[str, Any]:
        messages = request["messages"]
        text = self.text if isinstance(self.text, str) else self.text(messages)
        read, written = self.usage or (sum(len(one["content"]) for one in messages) // 4, len(text) // 4)
        message = {
            "role": "assistant",
            "content": None if self.refusal else text,
            "refusal": self.refusal,
        }
        return {
            "id": "chatcmpl-test",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": request["model"],
            "choices": [
                {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
            ],
            "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        }


class ModelServer:
    """`url` is a base URL, ending in `/v1`; `journal` has each request's path, headers (names in lower case)
    and decoded body, as they came."""

    def __init__(self) -> None:
        self.url = ""
        self.journal: list[dict[str, Any]] = []
        self.stopping = threading.Event()
        self._plan: list[Says] = [Says()]
        self._lock = threading.Lock()

    def behave(self, *plan: Says | Answer | str) -> None:
        """The answers from now on, one request each; the last is for all that follow."""
        with self._lock:
            self._plan = [one if isinstance(one, Says) else Says(one) for one in plan] or [Says()]

    def note(self, request: dict[str, Any]) -> Says:
        """Write a request down and choose its answer."""
        with self._lock:
            self.journal.append(request)
            return self._plan.pop(0) if len(self._plan) > 1 else self._plan[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        models: ModelServer = self.server.models  # type: ignore[attr-defined]
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = json.loads(raw) if raw else {}
        headers = {name.lower(): value for name, value in self.headers.items()}
        says = models.note({"path": self.path, "headers": headers, "body": request})
        if self.path != "/v1/chat/completions":
            says = Says(status=404)
        self.close_connection = True
        models.stopping.wait(says.after_s)
        with contextlib.suppress(OSError):  # whoever asked has gone
            self._say(says, request, models.stopping)

    def _say(self, says: Says, request: Any, stopping: threading.Event) -> None:
        if says.how == "hang":
            stopping.wait()
        if says.how in {"hang", "close"}:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = says.rendered(request)
        self.send_response(says.status)
        headers = {"Content-Type": "application/json", **says.headers, "Content-Length": str(len(body))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if says.how == "drip":
            self._drip(body, stopping)
        else:
            self.wfile.write(body[: len(body) // 2] if says.how == "cut" else body)

    def _drip(self, body: bytes, stopping: threading.Event) -> None:
        for at in range(len(body)):
            self.wfile.write(body[at : at + 1])
            if stopping.wait(0.05):
                return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Silent: a test says what it found."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up early is no error; anything else is one of the test's own, and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """Runs until the block ends; no thread of it is left."""
    models = ModelServer()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.models = models  # type: ignore[attr-defined]
    models.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield models
    finally:
        models.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
