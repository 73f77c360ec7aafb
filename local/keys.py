"""What a run signs with: the secret and the RSA key under `.local/`, made when they are missing.

secret     LOG_AGGREGATOR_SECRET_KEY of the functions, when the environment has none
key.pem    the private key of the local issuer (mode 0600); its public half is jwks.json
"""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_SETTING: Final = "LOG_AGGREGATOR_SECRET_KEY"
_MIN_BYTES: Final = 32
_KEY_BITS: Final = 2048


class UnusableKey(Exception):
    """Nothing can be signed with what is there; the message names where it comes from."""


class KeyPair(NamedTuple):
    """The local issuer's key: the private half, its id, and the key set with its public half."""

    private: "RSAPrivateKey"
    kid: str
    jwks: dict[str, Any]


def secret(local_dir: Path, environ: Mapping[str, str]) -> str:
    """The shared secret: the environment's, else `{local_dir}/secret` (mode 0600), made when missing.

    Raises: UnusableKey, OSError.
    """
    if found := environ.get(_SETTING):
        if found.startswith("projects/"):
            raise UnusableKey(f"{_SETTING} names a secret of Secret Manager: a local run needs its value")
        return _long_enough(found, _SETTING)
    path = local_dir / "secret"
    _make_once(path, lambda: secrets.token_urlsafe(48).encode() + b"\n")
    return _long_enough(path.read_text().strip(), str(path))


def key_pair(local_dir: Path) -> KeyPair:
    """The local issuer's RSA key, `{local_dir}/key.pem`; `{local_dir}/jwks.json` is written to fit it.

    Raises: UnusableKey, OSError.
    """
    path = local_dir / "key.pem"
    _make_once(path, _new_key)
    pair = _pair_of(path)
    published = json.dumps(pair.jwks, indent=1) + "\n"
    jwks = jwks_path(local_dir)
    if not jwks.exists() or jwks.read_text() != published:
        draft = jwks.with_name(f".jwks.{os.getpid()}")
        draft.write_text(published)
        draft.replace(jwks)
    return pair


def jwks_path(local_dir: Path) -> Path:
    """Where the public half of the key is."""
    return local_dir / "jwks.json"


def _long_enough(found: str, where: str) -> str:
    if len(found.encode()) < _MIN_BYTES:
        raise UnusableKey(f"{where} has fewer than {_MIN_BYTES} bytes")
    return found


def _make_once(path: Path, content: Callable[[], bytes]) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            file.write(content())
        # A link, not a rename: when two runs start at once, both use the first one's.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def _new_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _pair_of(path: Path) -> KeyPair:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from jwt.algorithms import RSAAlgorithm

    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError:
        private = None
    if not isinstance(private, RSAPrivateKey):
        raise UnusableKey(f"{path} holds no RSA key: remove it, and the next run makes one")
    found = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    jwk = {name: found[name] for name in ("e", "kty", "n")}
    # RFC 7638: the members in this order and nothing else.
    digest = hashlib.sha256(json.dumps(jwk, separators=(",", ":")).encode()).digest()
    kid = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return KeyPair(private, kid, {"keys": [{**jwk, "kid": kid, "use": "sig", "alg": "RS256"}]})
