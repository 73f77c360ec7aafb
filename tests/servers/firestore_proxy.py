"""A gRPC server between the product and a Firestore emulator: it counts, holds calls back, and fails them.

Messages pass as they are. Without an emulator it answers what a test plans.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import grpc
from google.cloud.firestore_v1.types import RunQueryRequest, RunQueryResponse

SERVICE = "google.firestore.v1.Firestore"
LISTS = ("ListDocuments", "ListCollectionIds")
STREAMS = ("RunQuery", "BatchGetDocuments")


@dataclass
class Call:
    """One call that arrived; `deadline_s` is what was left to it, None if it would wait for ever."""

    method: str
    request: bytes
    deadline_s: float | None
    documents: int = 0

    def query(self) -> Any:
        """The request of a RunQuery."""
        return RunQueryRequest.deserialize(self.request)


@dataclass
class Failure:
    """Fail `times` calls of a method with a status, after passing `after` messages on."""

    method: str
    code: grpc.StatusCode
    times: int = 1
    after: int = 0


@dataclass
class Gate:
    """Holds calls of RunQuery until so many are there at once; `opened` tells whether they ever were."""

    wanted: int
    opened: threading.Event = field(default_factory=threading.Event)
    inside: int = 0


class FirestoreProxy:
    """`host` is what FIRESTORE_EMULATOR_HOST takes; `calls` is the journal."""

    def __init__(self, upstream: str = "", *, rows: Callable[[Any], Iterable[bytes]] | None = None) -> None:
        """`rows`: answers RunQuery with these messages, instead of the emulator `upstream`."""
        self.calls: list[Call] = []
        self.failures: list[Failure] = []
        self.gate: Gate | None = None
        self._rows = rows
        self._active = 0
        self._lock = threading.Lock()
        self._channel = grpc.insecure_channel(upstream) if upstream else None
        self._pool = ThreadPoolExecutor(64, thread_name_prefix="firestore-proxy")
        self._server = grpc.server(self._pool, options=[("grpc.so_reuseport", 0)])
        handlers = {name: grpc.unary_unary_rpc_method_handler(self._one(name)) for name in LISTS}
        handlers |= {name: grpc.unary_stream_rpc_method_handler(self._many(name)) for name in STREAMS}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        self.host = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(grace=None).wait(timeout=5)
        self._pool.shutdown(wait=True)
        if self._channel is not None:
            self._channel.close()

    def made(self, *methods: str) -> list[Call]:
        """The calls of these methods so far."""
        with self._lock:
            return [call for call in self.calls if call.method in methods]

    def settle(self, calls: int) -> None:
        """Wait until so many calls have arrived and all are over."""
        until = time.monotonic() + 10
        while (len(self.calls) < calls or self._active) and time.monotonic() < until:
            time.sleep(0.01)

    @property
    def documents(self) -> int:
        """How many documents were passed on by queries."""
        return sum(call.documents for call in self.made("RunQuery"))

    def _one(self, name: str) -> Any:
        def handle(request: bytes, context: Any) -> bytes:
            self._arrived(name, request, context)
            self._fail(self._failure(name), context)
            return next(self._upstream(name, request, context))

        return handle

    def _many(self, name: str) -> Any:
        def handle(request: bytes, context: Any) -> Iterator[bytes]:
            call = self._arrived(name, request, context)
            failure = self._failure(name)
            if failure is None or failure.after:
                self._wait(context)
                for count, message in enumerate(self._answers(name, request, context)):
                    if failure and count >= failure.after:
                        break
                    if name == "RunQuery":
                        answer = RunQueryResponse.pb(RunQueryResponse.deserialize(message))
                        call.documents += answer.HasField("document")
                    yield message
            self._fail(failure, context)

        return handle

    def _answers(self, name: str, request: bytes, context: Any) -> Iterable[bytes]:
        if self._rows is not None and name == "RunQuery":
            return self._rows(RunQueryRequest.deserialize(request))
        return self._upstream(name, request, context)

    def _arrived(self, name: str, request: bytes, context: Any) -> Call:
        call = Call(name, request, context.time_remaining())
        with self._lock:
            self.calls.append(call)
            self._active += 1
        context.add_callback(self._over)
        return call

    def _over(self) -> None:
        with self._lock:
            self._active -= 1

    def _failure(self, name: str) -> Failure | None:
        with self._lock:
            for failure in self.failures:
                if failure.method == name and failure.times > 0:
                    failure.times -= 1
                    return failure
        return None

    @staticmethod
    def _fail(failure: Failure | None, context: Any) -> None:
        if failure is not None:
            context.abort(failure.code, "inner words of /projects/sekrit")

    def _wait(self, context: Any) -> None:
        gate = self.gate
        if gate is None:
            return
        with self._lock:
            gate.inside += 1
            if gate.inside >= gate.wanted:
                gate.opened.set()
        gate.opened.wait(timeout=min(10.0, context.time_remaining() or 10.0))
        with self._lock:
            gate.inside -= 1

    def _upstream(self, name: str, request: bytes, context: Any) -> Iterator[bytes]:
        assert self._channel is not None
        passed = ("authorization", "google-cloud-resource-prefix")
        metadata = [pair for pair in context.invocation_metadata() if pair[0] in passed]
        sent = {"metadata": metadata, "timeout": context.time_remaining()}
        if name in LISTS:
            yield self._channel.unary_unary(f"/{SERVICE}/{name}")(request, **sent)
            return
        answers = self._channel.unary_stream(f"/{SERVICE}/{name}")(request, **sent)
        context.add_callback(answers.cancel)
        yield from answers
