"""The issuers' keys, made once, and verifiers that know them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.auth import GoogleIssuer, HmacIssuer, Issuer, JwksIssuer, KeySet, RoleBindings, Verifier
from tests.auth.issuer_keys import AUDIENCE, PROVIDER, ROLE_BINDINGS, IssuerKeys
from tests.auth.jwks_server import JwksServer, jwks_server

NOW = 1_795_149_068.5


class SettableClock:
    """A clock that goes when it is told to."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture(scope="session")
def keys() -> IssuerKeys:
    """The issuers' keys."""
    return IssuerKeys()


@pytest.fixture
def clock() -> SettableClock:
    """The wall clock of the verifier."""
    return SettableClock(NOW)


@pytest.fixture
def endpoint() -> Iterator[JwksServer]:
    """A server that publishes keys."""
    with jwks_server() as server:
        yield server


@pytest.fixture
def published(tmp_path: Path) -> Callable[[Any], KeySet]:
    """A key set in a file."""

    def publish(jwks: Any) -> KeySet:
        path = tmp_path / f"keys-{len(list(tmp_path.iterdir()))}.json"
        path.write_bytes(jwks if isinstance(jwks, bytes) else json.dumps(jwks).encode())
        return KeySet(path.as_uri())

    return publish


@pytest.fixture
def verifier(keys: IssuerKeys, clock: SettableClock, published: Callable[[Any], KeySet]) -> Verifier:
    """A verifier of all three kinds of issuer."""
    issuers: list[Issuer] = [
        HmacIssuer(keys.secret),
        JwksIssuer(PROVIDER, published(keys.jwks())),
        GoogleIssuer(published(keys.google_jwks())),
    ]
    return Verifier(issuers, AUDIENCE, RoleBindings.parse(ROLE_BINDINGS), clock)
