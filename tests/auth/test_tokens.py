"""The header that carries the token, and whose token it is."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from shared.auth import (
    GoogleIssuer,
    HmacIssuer,
    Identity,
    JwksIssuer,
    KeySet,
    RoleBindings,
    Verifier,
    bearer_token,
    check_secret,
)
from shared.errors import NotAuthenticated
from shared.policy import Role
from tests.auth.conftest import NOW, SettableClock
from tests.auth.issuer_keys import AUDIENCE, FAMILIES, ISSUERS, PROVIDER, IssuerKeys, public_jwk


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_scheme_is_read_in_any_case(scheme: str) -> None:
    """RFC 9110: the scheme's name has no case."""
    assert bearer_token(None, f"{scheme} a.b.c") == "a.b.c"


@pytest.mark.parametrize(
    ("forwarded", "direct", "token"),
    [
        (None, "Bearer direct", "direct"),
        ("", "Bearer direct", "direct"),
        ("  ", "Bearer direct", "direct"),
        ("Bearer first", None, "first"),
        ("Bearer first", "Bearer direct", "first"),
        ("Bearer first", "Basic eA==", "first"),
        ("  Bearer   first ", None, "first"),
        ("Bearer " + "a" * 8_000, None, "a" * 8_000),
    ],
)
def test_forwarded_header_wins_when_it_says_something(
    forwarded: str | None, direct: str | None, token: str
) -> None:
    """The gateway's header counts unless it is absent or empty."""
    assert bearer_token(forwarded, direct) == token


@pytest.mark.parametrize(
    ("forwarded", "direct", "reason"),
    [
        (None, None, "missing_token"),
        ("", "", "missing_token"),
        (" ", None, "missing_token"),
        ("Basic eA==", "Bearer direct", "malformed_header"),
        (None, "Bearer", "malformed_header"),
        (None, "Bearer ", "malformed_header"),
        (None, "a.b.c", "malformed_header"),
        (None, "Bearera.b.c", "malformed_header"),
        (None, "Bearer\ta.b.c", "malformed_header"),
        (None, "Bearer a.b.c d", "malformed_header"),
        (None, "Bearer a.b.c,Bearer d", "malformed_header"),
        (None, "Bearer a.b.c\n", "malformed_header"),
        (None, 'Bearer "a.b.c"', "malformed_header"),
        (None, "Bearer ä.b.c", "malformed_header"),
        (None, "Bea\u0280er a.b.c", "malformed_header"),
        (None, "Bearer " + "a" * 8_001, "token_too_long"),
        (None, "x" * 100_000, "token_too_long"),
    ],
)
def test_headers_without_a_token_are_refused(forwarded: str | None, direct: str | None, reason: str) -> None:
    """Each way of having no token has its own reason; none falls back on the other header."""
    with pytest.raises(NotAuthenticated) as refusal:
        bearer_token(forwarded, direct)

    assert refusal.value.reason == reason


@pytest.mark.parametrize("family", FAMILIES)
def test_identity_is_what_the_token_says(verifier: Verifier, keys: IssuerKeys, family: str) -> None:
    """Subject, issuer and roles come out of a valid token of each kind of issuer."""
    email = "kim@example.com" if family == "google" else None

    assert verifier.verify(keys.token(NOW, family)) == Identity(
        "kim", ISSUERS[family], frozenset({Role.VIEWER}), email
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(NOW) - 59, "iat": int(NOW) - 900},
        {"iat": int(NOW) + 60},
        {"nbf": int(NOW) + 60},
        {"exp": 253_402_300_799},
    ],
)
def test_clocks_may_differ_by_a_minute(verifier: Verifier, keys: IssuerKeys, changes: dict[str, int]) -> None:
    """Up to 60 s of skew is forgiven in every time claim."""
    assert verifier.verify(keys.token(NOW, claims=changes)).subject == "kim"


def test_token_ends_with_its_time(verifier: Verifier, keys: IssuerKeys, clock: SettableClock) -> None:
    """A token that was accepted is refused from 60 s after its end: nothing remembers the first answer."""
    token = keys.token(NOW)
    verifier.verify(token)

    clock.now = int(NOW) + 600 + 59.9
    verifier.verify(token)
    clock.now = int(NOW) + 600 + 60
    with pytest.raises(NotAuthenticated) as refusal:
        verifier.verify(token)

    assert refusal.value.reason == "expired"


@pytest.mark.parametrize(
    ("claims", "roles"),
    [
        ({"roles": ["viewer", "admin", "root", "Admin", ""]}, {Role.VIEWER, Role.ADMIN}),
        ({"roles": []}, set()),
        (
            {"roles": ["scheduler"], "email": "kim@example.com", "email_verified": True},
            {Role.SCHEDULER, Role.VIEWER},
        ),
        ({"roles": [], "email": "KIM@EXAMPLE.COM", "email_verified": True}, {Role.VIEWER}),
        ({"roles": [], "email": "kim@example.com"}, set()),
        ({"roles": [], "email": "kim@example.com", "email_verified": "true"}, set()),
        ({"roles": [], "email": "\u212aim@example.com", "email_verified": True}, set()),
    ],
)
@pytest.mark.parametrize("family", ["HS256", "RS256"])
def test_roles_are_claimed_or_bound_to_a_verified_address(
    verifier: Verifier, keys: IssuerKeys, family: str, claims: dict[str, Any], roles: set[Role]
) -> None:
    """Unknown roles count for nothing, and an address counts only when the issuer has verified it."""
    assert verifier.verify(keys.token(NOW, family, claims=claims)).roles == roles


def test_google_identity_has_only_what_it_is_bound_to(verifier: Verifier, keys: IssuerKeys) -> None:
    """Anyone can have Google sign a token: its `roles` count for nothing, and unbound is without roles."""
    stranger = {"email": "eve@example.com", "roles": ["admin"]}

    assert verifier.verify(keys.token(NOW, "google", claims=stranger)).roles == set()
    assert verifier.verify(keys.token(NOW, "google", claims={"roles": ["admin"]})).roles == {Role.VIEWER}


def test_google_is_pinned_to_rs256_even_for_a_key_it_publishes(
    keys: IssuerKeys, published: Callable[[Any], KeySet], clock: SettableClock
) -> None:
    """The family belongs to the issuer: a P-256 key in Google's set verifies nothing."""
    google = GoogleIssuer(published({"keys": [public_jwk(keys.provider_ec, kid="ec")]}))
    token = keys.token(NOW, "google", header={"alg": "ES256", "kid": "ec"}, signer=keys.signer("ES256"))

    with pytest.raises(NotAuthenticated) as refusal:
        Verifier([google], AUDIENCE, RoleBindings(), clock).verify(token)

    assert refusal.value.reason == "wrong_algorithm"


def test_service_account_binding_is_for_google_only(
    keys: IssuerKeys, published: Callable[[Any], KeySet], clock: SettableClock
) -> None:
    """Another issuer that verifies the address of a service account does not become it."""
    bindings = RoleBindings.parse('{"scheduler": ["serviceAccount:Jobs@p.iam.gserviceaccount.com"]}')
    provider = JwksIssuer(PROVIDER, published(keys.jwks()))
    claims = {"roles": [], "email": "jobs@p.iam.gserviceaccount.com", "email_verified": True}

    identity = Verifier([provider], AUDIENCE, bindings, clock).verify(keys.token(NOW, claims=claims))

    assert identity.roles == set()
    assert bindings.roles(identity.email, "serviceAccount") == {Role.SCHEDULER}


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "x",
        "null",
        '{"owner": []}',
        '{"admin": "user:sekrit@example.com"}',
        '{"admin": ["sekrit@example.com"]}',
        '{"admin": ["group:sekrit@example.com"]}',
        '{"admin": ["user:sekrit"]}',
        '{"admin": ["user:@sekrit"]}',
        '{"admin": [7]}',
        '{"admin": ["user:sekrit@b@c"]}',
        '{"admin": ["user:sekrit @b"]}',
        "[" * 5_000,
        '{"admin": [], "admin": ["user:sekrit@example.com"]}',
        '{"admin": ["user:sekrit\u212a@example.com"]}',
    ],
)
def test_bad_bindings_are_refused_without_being_printed(text: str) -> None:
    """The message says where, never what: addresses stay out of logs."""
    with pytest.raises(ValueError) as fault:
        RoleBindings.parse(text)

    assert "sekrit" not in str(fault.value)


def test_all_faults_of_bindings_are_named_at_once() -> None:
    """One start shows every fault."""
    with pytest.raises(ValueError) as fault:
        RoleBindings.parse(json.dumps({"root": [], "viewer": ["user:a@b", "x"], "admin": {}}))

    assert [name in str(fault.value) for name in ("key 1", "viewer: entry 2", "admin")] == [True] * 3


def test_no_bindings_bind_nobody() -> None:
    """An empty setting is no fault."""
    assert RoleBindings.parse(" ").roles("kim@example.com", "user") == frozenset()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "short",
        "x" * 31,
        " " * 40,
        "x" * 32,
        "secret" * 8,
        "secretsecretsecretsecretsecretsec",
        "change-me-change-me-change-me-now!",
        "CHANGE_ME_to_something_random_please",
        "your-secret-key-goes-here-0123456789",
        "please-replace-this-in-production!!",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A",
        "abababababababababababababababababab",
        "\ud800",
    ],
)
def test_secrets_that_are_none_are_named_without_being_printed(value: str) -> None:
    """Short, placeholder and regular secrets have a fault, whose sentence does not show them."""
    fault = check_secret(value)

    assert fault
    assert not value.strip() or value.strip() not in fault


@pytest.mark.parametrize(
    "value",
    [
        "9f86d081884c7d659a2feaa0c55ad015",
        "test-secret-key-0123456789abcdef0123456789",
        "Zk3q9XvT1mB7cR5yL0wPdH8sJ2nF6gAe",
        "ünïcödé-wörds-änd-ßtuff-42-☃",
        "q1w2e3 r4t5y6 u7i8o9 p0a1s2 d3f4",
    ],
)
def test_random_secrets_are_good(value: str) -> None:
    """What a generator makes passes, in hex, base64 or words."""
    assert check_secret(value) is None


def test_short_secret_makes_no_issuer_and_no_secret_is_shown() -> None:
    """The issuer itself refuses fewer than 32 bytes, and its repr hides the others."""
    with pytest.raises(ValueError, match="32 bytes"):
        HmacIssuer(b"x" * 31)

    assert "sekrit" not in repr(HmacIssuer(b"sekrit" * 6))


def test_two_issuers_of_one_name_are_refused(keys: IssuerKeys, published: Callable[[Any], KeySet]) -> None:
    """An issuer named like another would give one name two algorithm families."""
    ours = JwksIssuer("log-aggregator", published(keys.jwks()))

    with pytest.raises(ValueError, match="two issuers"):
        Verifier([HmacIssuer(keys.secret), ours], AUDIENCE, RoleBindings(), lambda: NOW)


@pytest.mark.parametrize(
    "token", [None, 7, b"a.b.c", "a.b.c\n", "\ud800.a.b", "ａ.b.c", "e30.e30.AAAA\x00", ""]
)
def test_what_is_no_text_of_a_token_is_refused_too(verifier: Verifier, token: Any) -> None:
    """Whatever reaches the verifier, it answers with a 401."""
    with pytest.raises(NotAuthenticated):
        verifier.verify(token)


def test_importing_loads_no_cryptography() -> None:
    """/health starts without it: PyJWT and cryptography come with the first signature."""
    code = "import sys, shared.auth; print({'jwt', 'cryptography', 'urllib.request'} & set(sys.modules))"

    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
        == "set()\n"
    )
