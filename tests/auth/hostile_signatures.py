"""Hostile signatures: the wrong key, the wrong algorithm, no signature, or another token's."""

import json
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.auth.issuer_keys import (
    FAMILIES,
    KIDS,
    IssuerKeys,
    Signer,
    b64,
    public_jwk,
    sign_ec,
    sign_hmac,
    sign_pss,
    sign_rsa,
)

Change = Callable[[bytes], bytes]
Table = dict[str, tuple[list[str], str]]
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def signatures(keys: IssuerKeys, now: float) -> Table:
    """Mechanism: hostile tokens, and the twin."""
    return (
        _unsigned(keys, now)
        | _confused(keys, now)
        | _wrong_keys(keys, now)
        | _unusable_keys(keys, now)
        | _broken(keys, now)
        | _ecdsa(keys, now)
        | _spliced(keys, now)
    )


def _unsigned(keys: IssuerKeys, now: float) -> Table:
    def none(alg: str, family: str) -> str:
        token = keys.token(now, family, header={"alg": alg})
        return token[: token.rindex(".") + 1]

    names = ("none", "None", "NONE", "nOnE", "RS256", "HS256")
    return {
        "no signature": ([none(alg, family) for alg in names for family in FAMILIES], keys.token(now)),
    }


def _confused(keys: IssuerKeys, now: float) -> Table:
    """HS256 whose secret is what everybody knows: the public key, in every way one might write it."""
    jwk = public_jwk(keys.provider_rsa)
    public = keys.provider_rsa.public_key()
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    spki, pkcs1 = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1
    known = [public.public_bytes(coding, form) for coding in (pem, der) for form in (spki, pkcs1)]
    known += [known[0].strip(), json.dumps(jwk).encode(), jwk["n"].encode(), b"provider-rsa", b""]
    header = {"alg": "HS256"}
    ec_pem = keys.provider_ec.public_key().public_bytes(pem, spki)
    bad = [keys.token(now, "RS256", header=header, signer=sign_hmac(secret)) for secret in known]
    bad.append(keys.token(now, "ES256", header=header, signer=sign_hmac(ec_pem)))
    bad += [keys.token(now, "google", header=header, signer=sign_hmac(secret)) for secret in known]
    symmetric = {"alg": "HS256", "kid": "symmetric"}
    own = keys.token(now, "RS256", header=symmetric, signer=sign_hmac(keys.secret))
    return {
        "public key as a shared secret": (bad, keys.token(now)),
        "symmetric key of the published set": ([own], keys.token(now, "HS256", header=symmetric)),
    }


def _wrong_keys(keys: IssuerKeys, now: float) -> Table:
    stranger: dict[str, Signer] = {
        "HS256": sign_hmac(b"somebody else's secret, 32 bytes."),
        "RS256": sign_rsa(keys.stranger_rsa),
        "ES256": sign_ec(keys.stranger_ec),
        "google": sign_rsa(keys.provider_rsa),
    }
    weak = (b"", b"secret", b"\x00" * 32, keys.secret[:31], keys.secret + b"\x00", keys.secret.upper())
    digests: dict[str, tuple[str, Signer]] = {
        "RS384": ("RS256", sign_rsa(keys.provider_rsa, hashes.SHA384())),
        "RS512": ("RS256", sign_rsa(keys.provider_rsa, hashes.SHA512())),
        "PS256": ("RS256", sign_pss(keys.provider_rsa)),
        "ES384": ("ES256", sign_ec(keys.provider_ec, hashes.SHA384())),
        "ES512": ("ES256", sign_ec(keys.provider_ec, hashes.SHA512())),
        "HS384": ("HS256", sign_hmac(keys.secret, "sha384")),
        "HS512": ("HS256", sign_hmac(keys.secret, "sha512")),
    }
    other = [keys.token(now, family, header={"alg": alg}, signer=by) for alg, (family, by) in digests.items()]
    claimed = [keys.token(now, family, signer=by) for family, by in digests.values()]
    return {
        "signed by a stranger": (
            [keys.token(now, name, signer=by) for name, by in stranger.items()],
            keys.token(now),
        ),
        "guessed secret": (
            [keys.token(now, "HS256", signer=sign_hmac(one)) for one in weak],
            keys.token(now, "HS256"),
        ),
        "another algorithm of the family": (other, keys.token(now)),
        "another algorithm under the right name": (claimed, keys.token(now, "ES256")),
    }


def _unusable_keys(keys: IssuerKeys, now: float) -> Table:
    """Correct signatures by keys that are in the published set and must not be used from it."""

    def by(kid: str, signer: Signer, alg: str = "RS256") -> list[str]:
        return [keys.token(now, "RS256", header={"kid": kid, "alg": alg}, signer=signer)]

    stranger = sign_rsa(keys.stranger_rsa)
    p384 = sign_ec(keys.p384)
    good = keys.token(now)
    return {
        "key for encryption": (by("for-encryption", stranger), good),
        "key that may not verify": (by("wraps-keys", stranger), good),
        "key for another algorithm": (
            by("pss-only", stranger) + by("pss-only", sign_pss(keys.stranger_rsa)),
            good,
        ),
        "key id used twice": (by("twice", stranger) + by("twice", keys.signer("RS256")), good),
        "private key published": (by("private", stranger), good),
        "RSA key too short": (by("short", sign_rsa(keys.short_rsa)), good),
        "another curve": (
            by("p384", p384, "ES256") + by("p384", sign_ec(keys.p384, hashes.SHA384()), "ES384"),
            keys.token(now, "ES256"),
        ),
    }


def _broken(keys: IssuerKeys, now: float) -> Table:
    def changed(family: str, change: Change) -> str:
        honest = keys.signer(family)
        return keys.token(now, family, signer=lambda signed: change(honest(signed)))

    def flip(at: int) -> Change:
        return lambda was: was[:at] + bytes([was[at] ^ 1]) + was[at + 1 :]

    def each(*changes: Change) -> list[str]:
        return [changed(family, change) for family in FAMILIES for change in changes]

    good = keys.token(now)
    return {
        "signature with a bit flipped": (each(flip(0), flip(15), flip(31)), good),
        "signature of a wrong length": (
            each(lambda was: was[:-1], lambda was: was + b"\x00", lambda was: b"\x00" + was),
            good,
        ),
        "signature of zeros": (each(lambda was: bytes(len(was)), lambda _: b"\x00"), good),
        "signature backwards": (each(lambda was: was[::-1]), good),
    }


def _ecdsa(keys: IssuerKeys, now: float) -> Table:
    def made(number: int, other: int) -> str:
        raw = number.to_bytes(32, "big") + other.to_bytes(32, "big")
        return keys.token(now, "ES256", signer=lambda _: raw)

    numbers = (0, 1, _P256_ORDER, 2**256 - 1)
    der = keys.token(now, "ES256", signer=lambda data: keys.provider_ec.sign(data, ec.ECDSA(hashes.SHA256())))
    good = keys.token(now, "ES256")
    return {
        "ECDSA with numbers out of range": ([made(r, s) for r in numbers for s in numbers], good),
        "ECDSA as DER": ([der], good),
    }


def _spliced(keys: IssuerKeys, now: float) -> Table:
    """Parts of honest tokens, put together anew."""
    bad = []
    for family in FAMILIES:
        header, claims, signature = keys.token(now, family).split(".")
        more = b64(json.dumps(keys.claims(family, now) | {"sub": "root", "roles": ["admin"]}).encode())
        spaced = b64(json.dumps(keys.claims(family, now), indent=1).encode())
        other_header = b64(json.dumps(keys.header(family) | {"typ": "jwt"}).encode())
        bad += [f"{header}.{more}.{signature}", f"{header}.{spaced}.{signature}"]
        bad += [f"{other_header}.{claims}.{signature}"]
    others = [keys.token(now, family, claims={"sub": "root"}).rsplit(".", 1)[1] for family in FAMILIES]
    swapped = [
        f"{keys.token(now, family).rsplit('.', 1)[0]}.{signature}"
        for family, signature in zip(FAMILIES, others, strict=True)
    ]
    kids = [keys.token(now, "HS256", header={"kid": kid, "alg": "RS256"}) for kid in KIDS.values() if kid]
    return {
        "claims or header changed afterwards": (bad, keys.token(now)),
        "another token's signature": (swapped, keys.token(now, claims={"sub": "root"})),
        "our claims under a provider's algorithm": (kids, keys.token(now, "HS256")),
    }
