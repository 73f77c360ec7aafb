"""What the gRPC fakes share: a plaintext server on a free port, a journal, planned failures."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc

_WORKERS = 64  # a stalled call holds one until its client gives up


@dataclass(frozen=True)
class Call:
    """One call that arrived. `deadline_s` is what was left to it then, None if it would wait for ever."""

    method: str
    request: Any
    deadline_s: float | None


@dataclass
class _Failure:
    method: str | None
    code: grpc.StatusCode
    detail: str
    times: int | None
    skip: int


class GrpcFake:
    """A running server; subclasses name their service and methods. `host` is "127.0.0.1:PORT".

    `calls` is the journal of every call. `delay_s` is waited before each answer; with `stall` set no
    call is answered until its client gives up or the server stops.
    """

    def __init__(self, service: str, methods: dict[str, tuple[type, Callable[[Any, Any], Any]]]) -> None:
        """`methods`: name to (request type of the client, function of request and grpc context)."""
        self.calls: list[Call] = []
        self.delay_s = 0.0
        self.stall = False
        self.lock = threading.RLock()
        self._failures: list[_Failure] = []
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="grpc-fake")
        self._server = grpc.server(self._pool, options=[("grpc.so_reuseport", 0)])
        handlers = {name: self._handler(name, *spec) for name, spec in methods.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self.host = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Cancels what is in flight, waits for it and ends the threads; may be called twice."""
        self._stopping.set()
        self._server.stop(grace=None).wait(timeout=5)
        self._pool.shutdown(wait=True)

    def fail(
        self,
        code: grpc.StatusCode,
        detail: str = "planned failure",
        *,
        method: str | None = None,
        times: int | None = 1,
        skip: int = 0,
    ) -> None:
        """Answers `times` calls (None: all) of `method` (None: any) with a status, after `skip` good ones."""
        with self.lock:
            self._failures.append(_Failure(method, code, detail, times, skip))

    def recover(self) -> None:
        """Forgets the planned failures, delay and stall."""
        with self.lock:
            self._failures.clear()
            self.delay_s, self.stall = 0.0, False

    def _handler(self, name: str, request_type: Any, answer: Callable[[Any, Any], Any]) -> Any:
        def handle(request: Any, context: Any) -> Any:
            remaining = context.time_remaining()
            with self.lock:
                self.calls.append(Call(name, request, remaining))
                failure = self._take_failure(name)
            self._wait(context)
            if failure is not None:
                context.abort(failure.code, failure.detail)
            return answer(request, context)

        return grpc.unary_unary_rpc_method_handler(
            handle,
            request_deserializer=request_type.deserialize,
            response_serializer=lambda message: type(message).serialize(message),
        )

    def _take_failure(self, method: str) -> _Failure | None:
        for failure in self._failures:
            if failure.times == 0 or failure.method not in (None, method):
                continue
            if failure.skip > 0:
                failure.skip -= 1
                return None
            if failure.times is not None:
                failure.times -= 1
            return failure
        return None

    def _wait(self, context: Any) -> None:
        """Sleeps for `delay_s`, or in a stall until the call or the server ends."""
        until = time.monotonic() + self.delay_s
        while context.is_active() and not self._stopping.is_set():
            left = until - time.monotonic()
            if not self.stall and left <= 0:
                return
            self._stopping.wait(0.02 if self.stall else min(left, 0.02))
        context.abort(grpc.StatusCode.CANCELLED, "the call is over")
