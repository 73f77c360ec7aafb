"""The Firestore client of a state store: built once per process, in bounded time, errors translated."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from shared.state.deadline import Deadline, in_background
from shared.state.store import StoreTimeout, StoreUnavailable

_inherited: list[Future[Any]] = []
"""Clients of the parent of a fork: gRPC channels that the child may neither use nor close."""


class FirestoreClient:
    """Builds the vendor's client on a thread, so that imports and credentials cannot hold up a call.

    A call whose deadline passes meanwhile is a StoreTimeout; the client is there for a later one.
    """

    def __init__(self, build: Callable[[], Any]) -> None:
        """`build` gives a `google.cloud.firestore.Client`; called once per process, again if it failed."""
        self._build = build
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._built: Future[Any] | None = None

    @contextmanager
    def within(self, deadline: Deadline) -> Iterator[Any]:
        """The client; whatever goes wrong with it inside becomes StoreTimeout or StoreUnavailable."""
        client = self._client(deadline)
        from google.api_core.exceptions import DeadlineExceeded, GoogleAPIError, RetryError
        from google.auth.exceptions import GoogleAuthError
        from grpc import RpcError

        try:
            yield client
        except (DeadlineExceeded, RetryError) as exc:
            raise deadline.passed() from exc
        except (GoogleAPIError, GoogleAuthError, RpcError) as exc:
            raise StoreUnavailable(f"Firestore: {exc}") from exc

    def close(self) -> None:
        """Close this process's client, if one was built."""
        with self._lock:
            built, self._built = self._built, None
        if built and built.done() and not built.exception() and self._pid == os.getpid():
            built.result().close()

    def _client(self, deadline: Deadline) -> Any:
        built = self._building(deadline)
        try:
            return built.result(timeout=deadline.left_s())
        except TimeoutError as exc:
            raise deadline.passed() from exc
        except StoreTimeout:
            raise
        except Exception as exc:
            raise StoreUnavailable(f"Firestore cannot be used: {type(exc).__name__}") from exc

    def _building(self, deadline: Deadline) -> Future[Any]:
        if self._pid != os.getpid():
            # The parent's lock may have been held by a thread that does not exist here.
            if self._built:
                _inherited.append(self._built)
            self._built, self._lock, self._pid = None, threading.Lock(), os.getpid()
        if not self._lock.acquire(timeout=deadline.left_s()):
            raise deadline.passed()
        try:
            built = self._built
            if built is None or (built.done() and built.exception()):
                built = self._built = in_background(self._build)
            return built
        finally:
            self._lock.release()
