"""What a token claims: the required claims, their types, and the time."""

from typing import Any

from shared.errors import NotAuthenticated
from shared.policy import Role

SKEW_S = 60
MAX_SUBJECT_CHARS = 256
MAX_EMAIL_CHARS = 254
MAX_TIME_S = 253_402_300_799  # 9999-12-31T23:59:59Z

_REQUIRED = ("exp", "iat", "iss", "aud", "sub")


def check_claims(claims: dict[str, Any], *, audience: str, now: float) -> None:
    """Whether the token is for us and for this moment, give or take 60 s.

    Raises: NotAuthenticated (missing_claim, bad_claim, wrong_audience, expired, not_yet_valid).
    """
    if any(name not in claims for name in _REQUIRED):
        raise NotAuthenticated("missing_claim")
    _check_subject(claims["sub"])
    _check_audience(claims["aud"], audience)
    _check_times(claims, now)


def claimed_roles(claims: dict[str, Any]) -> frozenset[Role]:
    """The roles of the `roles` claim; names that are not ours are passed over.

    Raises: NotAuthenticated (bad_claim: it is there, and not a list of strings).
    """
    names = claims.get("roles", [])
    if type(names) is not list or any(type(name) is not str for name in names):
        raise NotAuthenticated("bad_claim")
    return frozenset(role for role in Role if role.value in names)


def verified_email(claims: dict[str, Any]) -> str | None:
    """The e-mail address in lower case, if the issuer says in so many words that it is verified.

    ASCII only: some other letters become ASCII when they are put into lower case (the Kelvin sign does),
    and would so turn into somebody else's address.
    """
    email = claims.get("email")
    if claims.get("email_verified") is not True or type(email) is not str:
        return None
    name, _, domain = email.partition("@")
    plain = email.isascii() and email.isprintable() and " " not in email and "@" not in domain
    return email.lower() if plain and name and domain and len(email) <= MAX_EMAIL_CHARS else None


def _check_subject(subject: object) -> None:
    if type(subject) is not str or not 0 < len(subject) <= MAX_SUBJECT_CHARS:
        raise NotAuthenticated("bad_claim")
    if not subject.isprintable() or not subject.strip():
        raise NotAuthenticated("bad_claim")


def _check_audience(claimed: object, audience: str) -> None:
    audiences = claimed if type(claimed) is list else [claimed]
    if any(type(one) is not str for one in audiences):
        raise NotAuthenticated("bad_claim")
    if audience not in audiences:
        raise NotAuthenticated("wrong_audience")


def _check_times(claims: dict[str, Any], now: float) -> None:
    for name in ("exp", "iat", "nbf"):
        time = claims.get(name, 1)
        if type(time) is not int or not 0 < time <= MAX_TIME_S:
            raise NotAuthenticated("bad_claim")
    if claims["exp"] <= claims["iat"]:
        raise NotAuthenticated("bad_claim")
    if now >= claims["exp"] + SKEW_S:
        raise NotAuthenticated("expired")
    if max(claims["iat"], claims.get("nbf", 1)) > now + SKEW_S:
        raise NotAuthenticated("not_yet_valid")
