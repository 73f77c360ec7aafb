"""The keys of three made-up issuers, the sets they publish, and tokens signed with them.

Making the keys costs about half a second: make one `IssuerKeys` per session.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "log-aggregator"
PROVIDER = "https://id.example.com/"
ISSUERS = {
    "HS256": "log-aggregator",
    "RS256": PROVIDER,
    "ES256": PROVIDER,
    "google": "https://accounts.google.com",
}
FAMILIES = tuple(ISSUERS)
KIDS = {"HS256": None, "RS256": "provider-rsa", "ES256": "provider-ec", "google": "google-1"}
BOUND_EMAIL = "kim@example.com"
ROLE_BINDINGS = json.dumps({"viewer": [f"user:{BOUND_EMAIL}"]})

DROP = object()
Signer = Callable[[bytes], bytes]


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def sign_hmac(secret: bytes, digest: str = "sha256") -> Signer:
    """HS256, or another digest's."""
    return lambda signed: hmac.new(secret, signed, digest).digest()


def sign_rsa(key: rsa.RSAPrivateKey, digest: hashes.HashAlgorithm | None = None) -> Signer:
    """RS256, or another digest's."""
    return lambda signed: key.sign(signed, padding.PKCS1v15(), digest or hashes.SHA256())


def sign_pss(key: rsa.RSAPrivateKey) -> Signer:
    """PS256."""
    how = padding.PSS(padding.MGF1(hashes.SHA256()), hashlib.sha256().digest_size)
    return lambda signed: key.sign(signed, how, hashes.SHA256())


def sign_ec(key: ec.EllipticCurvePrivateKey, digest: hashes.HashAlgorithm | None = None) -> Signer:
    """ES256, or another digest's or curve's."""
    size_bytes = (key.key_size + 7) // 8

    def signature(signed: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(digest or hashes.SHA256())))
        return r.to_bytes(size_bytes, "big") + s.to_bytes(size_bytes, "big")

    return signature


def public_jwk(key: Any, **members: object) -> dict[str, Any]:
    """The JWK of a key's public half, with these members added."""
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return _bare(algorithm.to_jwk(key.public_key(), as_dict=True)) | members


def private_jwk(key: Any, **members: object) -> dict[str, Any]:
    """The JWK of a key with its private half."""
    return _bare(RSAAlgorithm.to_jwk(key, as_dict=True)) | members


def _bare(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers only: PyJWT writes `key_ops` of its own."""
    return {name: value for name, value in jwk.items() if name != "key_ops"}


def _rsa(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


class IssuerKeys:
    """Private keys of the provider, of Google and of a stranger, and keys that must never be believed."""

    def __init__(self) -> None:
        self.secret = hashlib.sha256(b"the secret of this test").hexdigest().encode()
        self.provider_rsa = _rsa()
        self.provider_ec = ec.generate_private_key(ec.SECP256R1())
        self.google_rsa = _rsa()
        self.stranger_rsa = _rsa()
        self.stranger_ec = ec.generate_private_key(ec.SECP256R1())
        self.short_rsa = _rsa(1024)
        self.p384 = ec.generate_private_key(ec.SECP384R1())

    def signer(self, family: str) -> Signer:
        """How an honest token of that family is signed."""
        return {
            "HS256": sign_hmac(self.secret),
            "RS256": sign_rsa(self.provider_rsa),
            "ES256": sign_ec(self.provider_ec),
            "google": sign_rsa(self.google_rsa),
        }[family]

    def plain_jwks(self) -> dict[str, Any]:
        """The provider's good keys only."""
        rsa_jwk = public_jwk(self.provider_rsa, kid="provider-rsa", use="sig", alg="RS256")
        ec_jwk = public_jwk(self.provider_ec, kid="provider-ec", use="sig", alg="ES256")
        return {"keys": [rsa_jwk, ec_jwk]}

    def jwks(self) -> dict[str, Any]:
        """The provider's good keys, among keys that verify nothing."""
        stranger = self.stranger_rsa
        bad = [
            public_jwk(stranger, kid="for-encryption", use="enc"),
            public_jwk(stranger, kid="wraps-keys", key_ops=["wrapKey", "encrypt"]),
            public_jwk(stranger, kid="pss-only", alg="PS256"),
            public_jwk(stranger, kid="twice"),
            public_jwk(self.provider_rsa, kid="twice"),
            private_jwk(stranger, kid="private"),
            public_jwk(self.short_rsa, kid="short"),
            public_jwk(self.p384, kid="p384"),
            {"kty": "oct", "kid": "symmetric", "k": b64(self.secret), "alg": "HS256"},
            public_jwk(stranger),
        ]
        return {"keys": [*self.plain_jwks()["keys"], *bad]}

    def google_jwks(self) -> dict[str, Any]:
        """Google's."""
        return {"keys": [public_jwk(self.google_rsa, kid="google-1", use="sig", alg="RS256")]}

    def header(self, family: str) -> dict[str, Any]:
        """An honest header."""
        kid = KIDS[family]
        algorithm = "RS256" if family == "google" else family
        return {"alg": algorithm, "typ": "JWT"} | ({} if kid is None else {"kid": kid})

    def claims(self, family: str, now: float) -> dict[str, Any]:
        """Honest claims, of a viewer, for ten minutes."""
        who = {"iss": ISSUERS[family], "aud": AUDIENCE, "sub": "kim", "iat": int(now), "exp": int(now) + 600}
        if family == "google":
            return who | {"email": BOUND_EMAIL, "email_verified": True}
        return who | {"roles": ["viewer"]}

    def token(
        self,
        now: float,
        family: str = "RS256",
        *,
        header: Mapping[str, Any] | bytes | None = None,
        claims: Mapping[str, Any] | bytes | None = None,
        signer: Signer | None = None,
    ) -> str:
        """A token of that family: changed in these members (DROP takes one away), or made of these bytes."""
        parts = (_bytes(self.header(family), header), _bytes(self.claims(family, now), claims))
        signed = ".".join(b64(part) for part in parts)
        return f"{signed}.{b64((signer or self.signer(family))(signed.encode('ascii')))}"


def _bytes(honest: dict[str, Any], changes: Mapping[str, Any] | bytes | None) -> bytes:
    if isinstance(changes, bytes):
        return changes
    changed = honest | dict(changes or {})
    return json.dumps({name: value for name, value in changed.items() if value is not DROP}).encode()
