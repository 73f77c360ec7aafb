"""Key sets: which of an issuer's published keys are believed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.auth import JwksIssuer, KeySet, RoleBindings, Verifier
from shared.errors import NotAuthenticated, Unavailable
from tests.auth.conftest import NOW
from tests.auth.issuer_keys import AUDIENCE, DROP, PROVIDER, IssuerKeys, b64, private_jwk, public_jwk


@pytest.mark.parametrize("kid", [None, "a"])
def test_token_without_key_id_needs_a_set_of_one(
    keys: IssuerKeys, published: Callable[[Any], KeySet], kid: str | None
) -> None:
    """With one key there is nothing to choose; with two, even if one is unusable, there is."""
    jwk = public_jwk(keys.provider_rsa) | ({"kid": kid} if kid else {})
    other = public_jwk(keys.stranger_rsa, kid="b", use="enc")

    assert published({"keys": [jwk]}).key(None).algorithm == "RS256"
    with pytest.raises(NotAuthenticated):
        published({"keys": [jwk, other]}).key(None)
    with pytest.raises(NotAuthenticated):
        published({"keys": [jwk]}).key("another")


def test_set_of_one_verifies_tokens_without_key_id(
    keys: IssuerKeys, published: Callable[[Any], KeySet]
) -> None:
    """The hostile "key id missing among many" is honest where there is only one."""
    issuer = JwksIssuer(PROVIDER, published({"keys": [public_jwk(keys.provider_ec)]}))
    verifier = Verifier([issuer], AUDIENCE, RoleBindings(), lambda: NOW)

    assert verifier.verify(keys.token(NOW, "ES256", header={"kid": DROP})).subject == "kim"


def bad_keys(keys: IssuerKeys) -> Iterator[tuple[str, dict[str, Any]]]:
    """Keys that must verify nothing, with what is wrong with them."""
    rsa, p256 = public_jwk(keys.provider_rsa), public_jwk(keys.provider_ec)
    yield "encryption", rsa | {"use": "enc"}
    yield "use of a wrong type", rsa | {"use": ["sig"]}
    yield "use null", rsa | {"use": None}
    yield "operations", rsa | {"key_ops": ["sign"]}
    yield "operations empty", rsa | {"key_ops": []}
    yield "operations as text", rsa | {"key_ops": "verify"}
    yield "another algorithm", rsa | {"alg": "RS512"}
    yield "another family's algorithm", rsa | {"alg": "ES256"}
    yield "algorithm none", rsa | {"alg": "none"}
    yield "symmetric", {"kty": "oct", "k": b64(keys.secret)}
    yield "symmetric beside", rsa | {"k": b64(keys.secret)}
    yield "private", private_jwk(keys.provider_rsa)
    yield "private in part", rsa | {"d": "AQAB"}
    yield "prime", rsa | {"p": "AQAB"}
    yield "private EC", p256 | {"d": b64(bytes(32))}
    yield "short", public_jwk(keys.short_rsa)
    yield "huge", rsa | {"n": b64(b"\xff" * 1_025)}
    yield "exponent one", rsa | {"e": "AQ"}
    yield "exponent even", rsa | {"e": "Ag"}
    yield "no modulus", {"kty": "RSA", "e": "AQAB"}
    yield "modulus of a wrong type", rsa | {"n": 7}
    yield "modulus no base64", rsa | {"n": "***"}
    yield "modulus zero", rsa | {"n": "AA"}
    yield "P-384", public_jwk(keys.p384)
    yield "P-384 called P-256", public_jwk(keys.p384) | {"crv": "P-256"}
    yield "curve missing", {name: value for name, value in p256.items() if name != "crv"}
    yield "secp256k1", p256 | {"crv": "secp256k1"}
    yield "point off the curve", p256 | {"y": b64(b"\x01" * 32)}
    yield "point short", p256 | {"x": "AQ"}
    yield "Edwards", {"kty": "OKP", "crv": "Ed25519", "x": b64(b"\x01" * 32)}
    yield "kind missing", {name: value for name, value in rsa.items() if name != "kty"}
    yield "kind of a wrong type", rsa | {"kty": ["RSA"]}
    yield "key id empty", rsa | {"kid": ""}
    yield "key id of a wrong type", rsa | {"kid": 7}


def test_unsuitable_keys_are_left_out_and_the_others_stay(
    keys: IssuerKeys, published: Callable[[Any], KeySet]
) -> None:
    """One bad key in a set neither verifies a token nor takes the good ones with it."""
    good = public_jwk(keys.stranger_rsa, kid="good", use="sig", key_ops=["verify"], alg="RS256", x5t="x")
    believed = []
    for name, jwk in bad_keys(keys):
        key_set = published({"keys": [{"kid": "bad"} | jwk, good]})
        assert key_set.key("good").algorithm == "RS256"
        for kid in ("bad", None):
            try:
                key_set.key(kid)
            except NotAuthenticated:
                continue
            believed.append(name)

    assert believed == []


def test_unsuitable_key_alone_is_not_the_only_key(
    keys: IssuerKeys, published: Callable[[Any], KeySet]
) -> None:
    """A set of one bad key has nothing for tokens without a key id."""
    believed = []
    for name, jwk in bad_keys(keys):
        try:
            published({"keys": [jwk]}).key(None)
        except NotAuthenticated:
            continue
        believed.append(name)

    assert believed == []


def test_repeated_key_id_names_no_key(keys: IssuerKeys, published: Callable[[Any], KeySet]) -> None:
    """Even two equal keys, and even when one of the two is for something else."""
    rsa = public_jwk(keys.provider_rsa, kid="x")
    for other in (rsa, rsa | {"use": "enc"}, public_jwk(keys.provider_ec, kid="x")):
        with pytest.raises(NotAuthenticated):
            published({"keys": [rsa, other]}).key("x")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"keys": null}',
        b'{"keys": [7]}',
        b'{"keys": [{}, null]}',
        b"\xff",
        b'{"keys": NaN}',
        b'{"keys": [' + b",".join([b"{}"] * 101) + b"]}",
    ],
)
def test_what_is_no_key_set_is_a_failed_fetch(published: Callable[[Any], KeySet], body: bytes) -> None:
    """Garbage is not an empty set: it is unavailable, and would not replace keys that we have."""
    with pytest.raises(Unavailable):
        published(body).key("x")
