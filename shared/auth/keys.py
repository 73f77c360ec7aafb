"""Keys: each with the one algorithm that it verifies, and the key sets that issuers publish."""

import functools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from shared.auth.strict_json import parse_object

MAX_KEYS = 100
MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}


@dataclass(frozen=True, slots=True)
class Key:
    """A key and its algorithm: the token's `alg` never chooses how its own key is used."""

    algorithm: str
    material: Any = field(repr=False)

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's over these bytes."""
        return bool(_algorithms()[self.algorithm].verify(signed, self.material, signature))


@dataclass(frozen=True, slots=True)
class PublishedKeys:
    """The usable keys of one key set, and why the others are not."""

    by_kid: dict[str, Key]
    only: Key | None
    refused: tuple[str, ...]

    def find(self, kid: str | None) -> Key | None:
        """The key of that id; without an id, the key of a set that has exactly one."""
        return self.only if kid is None else self.by_kid.get(kid)


def parse_jwks(data: bytes) -> PublishedKeys:
    """The keys of a JWKS (RFC 7517) that may verify tokens.

    Left out, each with its reason: keys that are not for verifying signatures, symmetric and private keys,
    RSA under 2,048 or over 8,192 bits, curves other than P-256, keys for another algorithm, and every key
    whose `kid` occurs twice (nobody can say which is meant).

    Raises: ValueError when it is no JWKS: not strict JSON, no list of objects, over 100 keys.
    """
    listed = parse_object(data).get("keys")
    if type(listed) is not list or len(listed) > MAX_KEYS:
        raise ValueError("no list of at most 100 keys")
    if any(type(jwk) is not dict for jwk in listed):
        raise ValueError("a key that is not an object")
    times = Counter(jwk["kid"] for jwk in listed if type(jwk.get("kid")) is str)
    by_kid: dict[str, Key] = {}
    only: Key | None = None
    refused = []
    for jwk in listed:
        try:
            kid = _kid(jwk, times)
            key = _key(jwk)
        except ValueError as exc:
            refused.append(str(exc))
            continue
        if kid is not None:
            by_kid[kid] = key
        if len(listed) == 1:
            only = key
    return PublishedKeys(by_kid, only, tuple(refused))


def _kid(jwk: dict[str, Any], times: Counter[str]) -> str | None:
    if "kid" not in jwk:
        return None
    kid = jwk["kid"]
    if type(kid) is not str or not kid:
        raise ValueError("kid is not a text")
    if times[kid] > 1:
        raise ValueError("repeated kid")
    return kid


def _key(jwk: dict[str, Any]) -> Key:
    kind = jwk.get("kty")
    algorithm = _ALGORITHMS.get(kind) if type(kind) is str else None
    if algorithm is None:
        raise ValueError("neither RSA nor EC")
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise ValueError("private key published")
    if jwk.get("use", "sig") != "sig":
        raise ValueError("not for signatures")
    operations = jwk.get("key_ops", ["verify"])
    if type(operations) is not list or "verify" not in operations:
        raise ValueError("not for verifying")
    if jwk.get("alg", algorithm) != algorithm:
        raise ValueError("for another algorithm")
    return Key(algorithm, _rsa(jwk) if kind == "RSA" else _p256(jwk))


def _rsa(jwk: dict[str, Any]) -> object:
    from jwt.algorithms import RSAAlgorithm

    key = _loaded(RSAAlgorithm, jwk)
    if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise ValueError("RSA key of a refused length")
    return key


def _p256(jwk: dict[str, Any]) -> object:
    from jwt.algorithms import ECAlgorithm

    if jwk.get("crv") != "P-256":
        raise ValueError("curve is not P-256")
    return _loaded(ECAlgorithm, jwk)


def _loaded(algorithm: Any, jwk: dict[str, Any]) -> Any:
    try:
        return algorithm.from_jwk(jwk)
    except Exception as exc:
        # PyJWT lets KeyError, TypeError and cryptography's errors through beside its own.
        raise ValueError("unreadable numbers") from exc


@functools.cache
def _algorithms() -> dict[str, Any]:
    from jwt.algorithms import ECAlgorithm, HMACAlgorithm, RSAAlgorithm

    return {
        "HS256": HMACAlgorithm(HMACAlgorithm.SHA256),
        "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
        "ES256": ECAlgorithm(ECAlgorithm.SHA256),
    }
