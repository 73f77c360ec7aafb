"""Gateway and function side by side: where they say the same, and each place where they differ.

What passes the gateway is not thereby believed: a function verifies every token itself. The local gateway is
an Envoy with the managed gateway's JWT filter; what the managed one does beyond that filter is in the facts
that `local/gateway_identity.py` imitates.
"""

import base64
import json
import time
from typing import Any

import jwt
import pytest

from tests.conftest import token as own_token
from tests.gateway.conftest import System

OPEN = ("/health", "/openapi.json", "/docs")
FORWARDED = "X-Forwarded-Authorization"
LOGS = ("/logs/gcs", "/logs/firestore", "/logs/pods")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", LOGS)
def test_a_valid_token_is_let_through_and_believed(system: System, path: str) -> None:
    """The same entries either way, of real demo data."""
    through, direct = system.both(f"{path}?since=24h&page_size=3", bearer(system.token()))

    assert (through.status, direct.status) == (200, 200)
    assert through.json["entries"] == direct.json["entries"] != []


@pytest.mark.parametrize("path", OPEN)
def test_open_routes_need_no_token(system: System, path: str) -> None:
    """Nobody is asked who they are."""
    assert [answer.status for answer in system.both(path)] == [200, 200]


@pytest.mark.parametrize("path", LOGS)
def test_without_a_token_both_say_401(system: System, path: str) -> None:
    """With the same code and the same header; the gateway's answer never reaches a function."""
    through, direct = system.both(path)

    assert (through.status, through.code) == (direct.status, direct.code) == (401, "not_authenticated")
    assert through.headers["www-authenticate"] == direct.headers["www-authenticate"] == "Bearer"
    assert (through.by_function, direct.by_function) == (False, True)


def test_a_bound_google_identity_is_let_through_and_believed(system: System) -> None:
    """The second scheme of the document: without it no service account would get past the gateway."""
    answers = system.both("/logs/gcs?since=1m", bearer(system.google_token("kim@example.com")))

    assert [answer.status for answer in answers] == [200, 200]


@pytest.mark.parametrize(
    ("email", "claims", "status"),
    [("stranger@example.com", {}, 403), ("kim@example.com", {"email_verified": False}, 401)],
)
def test_who_a_google_identity_is_the_gateway_does_not_ask(
    system: System, email: str, claims: dict[str, Any], status: int
) -> None:
    """Anybody can have one made for any audience: the binding is the function's to look at."""
    through, direct = system.both("/logs/gcs", bearer(system.google_token(email, **claims)))

    assert (through.status, through.by_function, direct.status) == (status, True, status)


def test_a_key_of_one_issuer_signs_nothing_for_the_other(system: System) -> None:
    """Each issuer has its own keys, at the gateway and in the function."""
    token = system.token("admin", by=system.google)
    through, direct = system.both("/logs/gcs", bearer(token))

    assert (through.status, through.by_function, direct.status) == (401, False, 401)


def test_a_wrong_audience_is_403_at_the_gateway_and_401_at_the_function(system: System) -> None:
    """The gateway takes it for authenticated but not allowed."""
    through, direct = system.both("/logs/gcs", bearer(system.token(aud="somebody-else")))

    assert (through.status, through.code, through.by_function) == (403, "forbidden", False)
    assert (direct.status, direct.code) == (401, "not_authenticated")


NOT_THE_GATEWAYS_CONCERN: dict[str, dict[str, Any]] = {
    "no exp": {"exp": None},
    "no sub": {"sub": None},
    "no iat": {"iat": None},
    "issued in the future": {"iat": int(time.time()) + 3600, "exp": int(time.time()) + 7200},
    "audience with a slash": {"aud": "log-aggregator/"},
    "audience as a URL": {"aud": "https://log-aggregator"},
    "empty subject": {"sub": ""},
    "roles no list": {"roles": "admin"},
}


@pytest.mark.parametrize("kind", NOT_THE_GATEWAYS_CONCERN)
def test_what_the_gateway_lets_through_the_function_refuses(system: System, kind: str) -> None:
    """Signed by the right key for the right audience is enough for the gateway, not for a function."""
    through, direct = system.both("/logs/gcs", bearer(system.token(**NOT_THE_GATEWAYS_CONCERN[kind])))

    assert (through.status, through.by_function) == (direct.status, direct.by_function) == (401, True)


def test_an_unknown_critical_header_passes_the_gateway_only(system: System) -> None:
    """RFC 7515 says that whoever does not know an extension must refuse it; Envoy does not look."""
    claims = jwt.decode(system.token(), options={"verify_signature": False})
    headers = {"kid": system.pair.kid, "crit": ["x"], "x": 1}
    token = jwt.encode(claims, system.pair.private, algorithm="RS256", headers=headers)
    through, direct = system.both("/logs/gcs", bearer(token))

    assert (through.status, through.by_function, direct.status) == (401, True, 401)


@pytest.mark.parametrize(("age_s", "status"), [(30, 200), (120, 401)])
def test_both_allow_the_same_clock_skew(system: System, age_s: int, status: int) -> None:
    """60 s behind its expiry a token is still good, not longer."""
    now = int(time.time())
    token = system.token(iat=now - 600, exp=now - age_s)

    assert [answer.status for answer in system.both("/logs/gcs?since=1m", bearer(token))] == [status] * 2


def test_the_products_own_tokens_are_for_direct_calls_only(system: System) -> None:
    """HS256 needs the secret, which no gateway has."""
    through, direct = system.both("/logs/gcs?since=1m", bearer(own_token("viewer")))

    assert (through.status, through.by_function, direct.status) == (401, False, 200)


@pytest.mark.parametrize(
    ("scheme", "through"), [("Bearer", 200), ("bearer", 200), ("BEARER", 200), ("bEaReR", 401)]
)
def test_the_gateway_knows_three_spellings_of_the_scheme(system: System, scheme: str, through: int) -> None:
    """A function takes any; Envoy compares letters, so the usual ones are listed in the document."""
    answers = system.both("/logs/gcs?since=1m", {"Authorization": f"{scheme} {system.token()}"})

    assert [answer.status for answer in answers] == [through, 200]


def test_a_token_in_the_query_is_taken_by_neither(system: System) -> None:
    """It would end up in logs and histories."""
    through, direct = system.both(f"/logs/gcs?access_token={system.token()}")

    assert (through.status, direct.status) == (401, 401)


def test_a_forwarded_token_cannot_outvote_the_one_that_was_checked(system: System) -> None:
    """Who sends both is who the gateway checked: a viewer, and secrets are taken out."""
    headers = bearer(system.token()) | {FORWARDED: f"Bearer {system.token('metrics')}"}
    through, direct = system.both("/logs/gcs?since=1m", headers)

    assert through.status == 200
    # Direct, the first header is the only one that counts.
    assert direct.status == 403


def unsigned(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


def test_on_an_open_route_a_forwarded_token_reaches_the_function_and_is_verified_there(
    system: System,
) -> None:
    """The gateway leaves it alone when there is no Authorization: it counts only if it is genuine."""
    claims = jwt.decode(system.token("admin"), options={"verify_signature": False})
    forged = f"{unsigned({'alg': 'none'})}.{unsigned(claims)}."
    path = "/health?deep=true"
    genuine = system.ask(system.gateway, path, {FORWARDED: f"Bearer {system.token()}"})
    refused = system.ask(system.gateway, path, {FORWARDED: f"Bearer {forged}"})

    assert (genuine.status, refused.status) == (200, 401)
    assert refused.by_function


def test_claims_in_a_header_are_never_enough(system: System) -> None:
    """X-Apigateway-Api-Userinfo is unsigned, and on an open route nobody takes it away."""
    claims = unsigned(jwt.decode(system.token("admin"), options={"verify_signature": False}))
    answers = system.both("/health?deep=true", {"X-Apigateway-Api-Userinfo": claims})

    assert [answer.status for answer in answers] == [401, 401]


def test_the_gateways_own_token_is_no_identity(system: System) -> None:
    """It takes the place of the caller's on every request, and has no signature left."""
    through = system.ask(system.gateway, "/health?deep=true")

    assert (through.status, through.code, through.by_function) == (401, "not_authenticated", True)


@pytest.mark.parametrize("path", [*LOGS, *OPEN])
@pytest.mark.parametrize("origin", ["https://dash.example.com", "https://evil.example.com"])
def test_a_preflight_is_the_functions_to_answer(system: System, path: str, origin: str) -> None:
    """The managed gateway says 405 to an OPTIONS that is not declared: all are."""
    through, direct = system.both(path, {"Origin": origin}, method="OPTIONS")
    wanted = 204 if origin == "https://dash.example.com" and path in LOGS else 403

    assert (through.status, direct.status, through.by_function) == (wanted, wanted, True)
    allowed = "access-control-allow-origin"
    assert (through.headers.get(allowed), direct.headers.get(allowed)) == (
        (origin if wanted == 204 else None),
    ) * 2


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/logs/gcs", "/health"])
def test_other_methods_are_405_with_the_same_allow(system: System, method: str, path: str) -> None:
    """Whatever X-HTTP-Method-Override says, and before anybody asks for a token."""
    through, direct = system.both(path, {"X-HTTP-Method-Override": "GET"}, method=method)

    assert (through.status, through.code) == (direct.status, direct.code) == (405, "method_not_allowed")
    assert through.headers["allow"] == direct.headers["allow"] == "GET, HEAD, OPTIONS"


PATHS = (
    "/logs/gcs/",
    "/logs/gcs//objects",
    "/logs/gcs%2Fobjects",
    "/logs/gcs/../gcs",
    "/logs/gc%73",
    "/LOGS/GCS",
)


@pytest.mark.parametrize("path", PATHS)
def test_other_paths_are_404_for_both(system: System, path: str) -> None:
    """A path counts as it was sent, with or without a token."""
    answers = [*system.both(path), *system.both(path, bearer(system.token()))]

    assert {(answer.status, answer.code) for answer in answers} == {(404, "not_found")}


def test_a_body_over_the_limit_is_413_for_both(system: System) -> None:
    """Before anybody asks for a token. The managed gateway takes 32 MB: there the function says it."""
    through, direct = system.both("/logs/gcs", body=b"x" * ((1 << 20) + 1))

    assert (through.status, through.code) == (direct.status, direct.code) == (413, "body_too_large")


def test_head_is_answered_through_the_gateway(system: System) -> None:
    """It is declared beside GET: a method that is not declared is a 405."""
    through, direct = system.both("/logs/gcs?since=1m", bearer(system.token()), method="HEAD")

    assert (through.status, direct.status) == (200, 200)
    assert (through.text, direct.text) == ("", "")


def test_one_long_header_is_431_by_the_function_alone(system: System) -> None:
    """The gateway takes 60 KiB of headers in all, the function's server 8 KiB in one."""
    through, direct = system.both("/health", {"X-Long": "x" * 9000})

    assert (through.status, direct.status) == (431, 431)
    assert through.text == direct.text
