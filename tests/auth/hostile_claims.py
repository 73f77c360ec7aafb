"""Hostile claims under an honest signature, and their honest twins."""

from typing import Any, NamedTuple

from tests.auth.issuer_keys import AUDIENCE, BOUND_EMAIL, DROP, FAMILIES, PROVIDER

ROLE_FAMILIES = ("RS256", "ES256", "HS256")
# The RS256 one first: it is the twin's, and every gateway can verify it.
ALL = ("RS256", "ES256", "HS256", "google")
assert set(ALL) == set(FAMILIES)

_NOT_TEXT: tuple[Any, ...] = (None, True, 7, ["x"], {"x": "y"})


class Change(NamedTuple):
    """Members to set (DROP: to take away): each of `hostile` is refused, `twin` is accepted."""

    hostile: list[dict[str, Any]]
    twin: dict[str, Any]
    families: tuple[str, ...] = ALL


def claim_changes(now: int) -> dict[str, Change]:
    """Mechanism: what it changes in the claims."""
    return _missing(now) | _times(now) | _audience() | _subject() | _issuer() | _roles() | _google()


def _missing(now: int) -> dict[str, Change]:
    honest = {"exp": now + 1, "iat": now - 1, "iss": PROVIDER, "aud": AUDIENCE, "sub": "lee"}
    return {f"{name} missing": Change([{name: DROP}], {name: value}) for name, value in honest.items()}


def _times(now: int) -> dict[str, Change]:
    later = now + 300
    wrong = (str(later), later + 0.5, float(later), True, None, [later], -later, 0, 10**15, 10**400)
    return {
        "exp of a wrong type": Change([{"exp": one} for one in wrong], {"exp": later}),
        "iat of a wrong type": Change([{"iat": one} for one in wrong], {"iat": now - 300}),
        "nbf of a wrong type": Change([{"nbf": one} for one in wrong], {"nbf": now}),
        "expired": Change(
            [{"iat": now - 900, "exp": now - ago} for ago in (61, 600)], {"iat": now - 900, "exp": now - 50}
        ),
        "issued in the future": Change([{"iat": now + ahead} for ahead in (70, 500)], {"iat": now + 50}),
        "not valid yet": Change([{"nbf": now + ahead} for ahead in (70, 500)], {"nbf": now + 50}),
        "ends before it begins": Change(
            [{"iat": now, "exp": now}, {"iat": now, "exp": now - 30}], {"iat": now - 31, "exp": now - 30}
        ),
    }


def _audience() -> dict[str, Change]:
    near = (
        "log-aggregator/",
        "Log-Aggregator",
        "log-aggregator2",
        "log",
        "*",
        "",
        " log-aggregator",
        "other",
    )
    return {
        "audience of somebody else": Change([{"aud": one} for one in near], {"aud": AUDIENCE}),
        "audience list without us": Change(
            [{"aud": one} for one in ([], ["other"], [*near], ["log", "-aggregator"])],
            {"aud": ["x", AUDIENCE]},
        ),
        "audience of a wrong type": Change(
            [{"aud": one} for one in (None, True, 7, {AUDIENCE: 1}, [AUDIENCE, 7], [[AUDIENCE]])],
            {"aud": [AUDIENCE]},
        ),
    }


def _subject() -> dict[str, Change]:
    unprintable = ("kim\n", "a\r\nb", "a\x00b", "\x7f", "kim\u202e", "a\u2028b", "kim\u200b", "\ufeffkim")
    return {
        "subject empty": Change([{"sub": ""}, {"sub": " "}], {"sub": "k"}),
        "subject of a wrong type": Change([{"sub": one} for one in _NOT_TEXT], {"sub": "7"}),
        "subject unprintable": Change([{"sub": one} for one in unprintable], {"sub": 'k"im ö'}),
        "subject too long": Change([{"sub": "s" * 257}, {"sub": "s" * 3000}], {"sub": "s" * 256}),
    }


def _issuer() -> dict[str, Change]:
    near = (PROVIDER.rstrip("/"), PROVIDER.upper(), PROVIDER + "x", "https://evil.example.com/", "", "*")
    swapped = ("accounts.google.com", "http://id.example.com/", "LOG-AGGREGATOR", "log-aggregator ")
    return {
        "issuer unknown": Change([{"iss": one} for one in near + swapped], {"iss": PROVIDER}),
        "issuer of a wrong type": Change(
            [{"iss": one} for one in (None, True, 7, [PROVIDER], {PROVIDER: 1})], {"iss": PROVIDER}
        ),
        "google's issuer, another's key": Change(
            [{"iss": "https://accounts.google.com", "email": BOUND_EMAIL, "email_verified": True}],
            {"email": BOUND_EMAIL, "email_verified": True},
            ROLE_FAMILIES,
        ),
        "our issuer, another's key": Change(
            [{"iss": "log-aggregator", "roles": ["admin"]}],
            {"roles": ["admin"]},
            ("RS256", "ES256", "google"),
        ),
        "provider's issuer, another's key": Change(
            [{"iss": PROVIDER}], {"iss": "log-aggregator"}, ("HS256", "google")
        ),
    }


def _roles() -> dict[str, Change]:
    wrong = ("admin", None, True, 7, {"admin": True}, ["viewer", 7], [["admin"]], [None])
    return {
        "roles of a wrong type": Change(
            [{"roles": one} for one in wrong], {"roles": ["viewer", "unheard-of"]}, ROLE_FAMILIES
        )
    }


def _google() -> dict[str, Change]:
    google = ("google",)
    kelvin = "\u212aim@example.com"
    odd = (
        DROP,
        None,
        "",
        "kim",
        "@example.com",
        "kim@",
        "kim@example.com@x",
        [BOUND_EMAIL],
        "kim @example.com",
    )
    return {
        "e-mail not verified": Change(
            [{"email_verified": one} for one in (False, DROP, None, "true", "false", 1, [True], {})],
            {"email_verified": True},
            google,
        ),
        "e-mail unreadable": Change([{"email": one} for one in odd], {"email": "KIM@Example.com"}, google),
        "e-mail that looks like another": Change(
            [{"email": kelvin}, {"email": "k\u0456m@example.com"}, {"email": BOUND_EMAIL + "\u0000"}],
            {"email": "Kim@example.com"},
            google,
        ),
    }
