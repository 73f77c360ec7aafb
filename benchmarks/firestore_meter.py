"""A gRPC server before a Firestore emulator that counts what Firestore would bill: reads, writes, deletes.

Source: https://cloud.google.com/firestore/pricing (a query that finds nothing is one read; each document of
an answer, and each that is asked for by name and missing, is one)
"""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import grpc
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsResponse,
    CommitRequest,
    ListDocumentsResponse,
    RunQueryResponse,
)

STREAMS = ("RunQuery", "BatchGetDocuments", "RunAggregationQuery")


class FirestoreMeter(grpc.GenericRpcHandler):  # type: ignore[misc]
    """`host` is what FIRESTORE_EMULATOR_HOST takes; `take()` gives the counts since it was last asked."""

    def __init__(self, upstream: str) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._channel = grpc.insecure_channel(upstream)
        self._pool = ThreadPoolExecutor(32, thread_name_prefix="firestore-meter")
        self._server = grpc.server(self._pool, options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        self.host = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(grace=None).wait(timeout=5)
        self._pool.shutdown(wait=True)
        self._channel.close()

    def take(self) -> dict[str, int]:
        """`{"reads", "writes", "deletes"}` since the last call."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return {kind: counts[kind] for kind in ("reads", "writes", "deletes")}

    def service(self, details: Any) -> Any:
        """gRPC asks here how to handle a call."""
        name = details.method.rpartition("/")[2]
        if name in STREAMS:
            call = self._channel.unary_stream(details.method)
            return grpc.unary_stream_rpc_method_handler(
                lambda r, context: self._stream(name, call, r, context)
            )
        one = self._channel.unary_unary(details.method)
        return grpc.unary_unary_rpc_method_handler(lambda r, context: self._unary(name, one, r, context))

    def _stream(self, name: str, call: Any, request: bytes, context: Any) -> Iterator[bytes]:
        documents = 0
        for message in call(request, metadata=_passed(context), timeout=60):
            if name == "BatchGetDocuments":
                answer = BatchGetDocumentsResponse.pb(BatchGetDocumentsResponse.deserialize(message))
                documents += answer.HasField("found") or answer.HasField("missing")
            if name == "RunQuery":
                documents += RunQueryResponse.pb(RunQueryResponse.deserialize(message)).HasField("document")
            yield message
        self._count("reads", max(1, documents))

    def _unary(self, name: str, call: Any, request: bytes, context: Any) -> Any:
        answer = call(request, metadata=_passed(context), timeout=60)
        if name == "Commit":
            for write in CommitRequest.deserialize(request).writes:
                self._count("deletes" if "delete" in write else "writes", 1)
        if name == "ListDocuments":
            self._count("reads", max(1, len(ListDocumentsResponse.deserialize(answer).documents)))
        if name == "ListCollectionIds":
            self._count("reads", 1)
        return answer

    def _count(self, kind: str, number: int) -> None:
        with self._lock:
            self._counts[kind] += number


def _passed(context: Any) -> list[Any]:
    """Without the emulator's own token it holds the caller for an app's user."""
    names = ("authorization", "google-cloud-resource-prefix")
    return [pair for pair in context.invocation_metadata() if pair[0] in names]
