"""The corpus of hostile tokens at both doors: the gateway's and the function's own.

The system here believes the issuers of the corpus: the gateway has the provider's keys and Google's, the
function the shared secret as well. Nobody counts failures (AUTH_FAILURE_LIMIT=off).
"""

import base64
import contextlib
import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from local.run import ROOT
from tests.auth.hostile_tokens import HostileToken, hostile, twins
from tests.auth.issuer_keys import PROVIDER, ROLE_BINDINGS, IssuerKeys
from tests.gateway.conftest import Answer, answer, running

PATH = "/logs/gcs?since=1m"
FORWARDED = "X-Forwarded-Authorization"
USERINFO = "X-Apigateway-Api-Userinfo"
CONNECTIONS = 8
# Those that time would make valid are made for a time that does not come.
LATER = ("issued in the future", "not valid yet")
LATER_S = 3600
# The gateway takes a wrong audience for authenticated but not allowed.
AUDIENCE = ("aud missing", "audience of somebody else", "audience list without us")

Headers = Mapping[str, str]


class Doors(NamedTuple):
    """The two ways to the same function, and what its callers sign with."""

    gateway: int
    function: int
    keys: IssuerKeys

    def good(self, **claims: Any) -> str:
        """An honest token of the provider, which both doors know."""
        return self.keys.token(time.time(), claims=claims)


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """A gateway before one function, over no data."""
    folder = tmp_path_factory.mktemp("hostile")
    keys = IssuerKeys()
    for name in ("data", "functions"):
        (folder / name).mkdir()
    for name in ("gcs", "health"):
        (folder / "functions" / name).symlink_to(ROOT / "functions" / name)
    published = {"provider": keys.jwks(), "google": keys.google_jwks()}
    for name, jwks in published.items():
        (folder / f"{name}.json").write_text(json.dumps(jwks))
    settings = {
        "LOCAL_DATA_DIR": str(folder / "data"),
        "LOG_AGGREGATOR_SECRET_KEY": keys.secret.decode(),
        "JWT_ISSUER": PROVIDER,
        "JWT_JWKS_URL": (folder / "provider.json").as_uri(),
        "GOOGLE_JWKS_URL": (folder / "google.json").as_uri(),
        "ROLE_BINDINGS": ROLE_BINDINGS,
    }
    with running(folder / "local", settings, folder / "functions") as (gateway, functions):
        yield Doors(gateway, functions["gcs"], keys)


@pytest.fixture(scope="module")
def corpus(doors: Doors) -> list[HostileToken]:
    """All of it, good for the time that these tests take."""
    now = time.time()
    found = [one for one in hostile(doors.keys, now) if one.mechanism not in LATER]
    found += [one for one in hostile(doors.keys, now + LATER_S) if one.mechanism in LATER]
    assert len({one.token for one in found}) >= 150
    return found


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def ask_all(port: int, each: Sequence[Headers]) -> list[Answer]:
    """The same question with each of these headers, over a few connections that stay open."""

    def share(first: int) -> list[Answer]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        answers = []
        with contextlib.closing(connection):
            for headers in each[first::CONNECTIONS]:
                connection.request("GET", PATH, headers=dict(headers))
                answers.append(answer(connection.getresponse()))
        return answers

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        shares = list(pool.map(share, range(CONNECTIONS)))
    return [shares[at % CONNECTIONS][at // CONNECTIONS] for at in range(len(each))]


def sent(
    port: int, corpus: Sequence[HostileToken], headers: Callable[[str], Headers]
) -> list[tuple[str, Answer]]:
    """Each token's mechanism, and the answer to it."""
    answers = ask_all(port, [headers(one.token) for one in corpus])
    return [(one.mechanism, found) for one, found in zip(corpus, answers, strict=True)]


def not_refused(answers: Sequence[tuple[str, Answer]]) -> list[tuple[str, int]]:
    """Those that are neither a 401 problem nor the server's 431."""
    return [
        (mechanism, found.status)
        for mechanism, found in answers
        if found.status != 431 and (found.status, _code(found)) != (401, "not_authenticated")
    ]


def not_refused_by_gateway(answers: Sequence[tuple[str, Answer]]) -> list[tuple[str, int]]:
    """The same, but that a wrong audience may be a 403."""
    return [
        (mechanism, status)
        for mechanism, status in not_refused(answers)
        if (mechanism in AUDIENCE, status) != (True, 403)
    ]


def _code(found: Answer) -> str:
    kind = found.headers.get("content-type")
    return found.code if kind == "application/problem+json" else f"{kind}: {found.text[:80]}"


def test_every_hostile_token_is_refused_direct(doors: Doors, corpus: list[HostileToken]) -> None:
    """401, or 431 where it is over the server's limit for a header; never 200, never 5xx."""
    assert not_refused(sent(doors.function, corpus, bearer)) == []


def test_every_hostile_token_is_refused_through_the_gateway(doors: Doors, corpus: list[HostileToken]) -> None:
    """Many by the gateway, the others by the function behind it, which does not rely on the first."""
    answers = sent(doors.gateway, corpus, bearer)

    assert not_refused_by_gateway(answers) == []
    stopped = sum(not found.by_function for _, found in answers)
    assert stopped > 100
    assert len(answers) - stopped > 100


def test_no_answer_tells_what_was_wrong(doors: Doors, corpus: list[HostileToken]) -> None:
    """Whatever was tried, the words are the same."""
    answers = [found for _, found in sent(doors.function, corpus[::5], bearer)]

    assert len({found.json["detail"] for found in answers if found.status == 401}) == 1


def test_every_hostile_token_is_refused_in_the_forwarded_header(
    doors: Doors, corpus: list[HostileToken]
) -> None:
    """As from a gateway, beside the token that the gateway sends of its own: it counts alone."""
    honest = doors.good()
    answers = sent(doors.function, corpus, lambda token: bearer(honest) | {FORWARDED: f"Bearer {token}"})
    alone = sent(doors.function, corpus[::5], lambda token: {FORWARDED: f"Bearer {token}"})

    assert not_refused(answers) == []
    assert not_refused(alone) == []


def test_a_good_forwarded_token_does_not_help_a_hostile_one_past_the_gateway(
    doors: Doors, corpus: list[HostileToken]
) -> None:
    """The gateway judges `Authorization` and hands that one on, whatever else the caller wrote."""
    honest = {FORWARDED: f"Bearer {doors.good()}"}

    assert not_refused_by_gateway(sent(doors.gateway, corpus, lambda token: bearer(token) | honest)) == []


def test_a_hostile_forwarded_token_does_not_harm_a_good_one_at_the_gateway(
    doors: Doors, corpus: list[HostileToken]
) -> None:
    """It is overwritten by the one that was checked."""
    honest = bearer(doors.good())
    answers = sent(doors.gateway, corpus[::10], lambda token: honest | {FORWARDED: f"Bearer {token}"})

    assert {found.status for _, found in answers} <= {200}


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_in_other_letters_changes_nothing(
    doors: Doors, corpus: list[HostileToken], scheme: str
) -> None:
    """Good tokens are accepted with it, hostile ones are refused."""

    def header(token: str) -> Headers:
        return {"Authorization": f"{scheme} {token}"}

    for port in (doors.gateway, doors.function):
        assert [found.status for found in ask_all(port, [header(doors.good())])] == [200]
        assert not_refused_by_gateway(sent(port, corpus[::10], header)) == []


def test_every_twin_is_accepted(doors: Doors) -> None:
    """Direct all of them; through the gateway those whose issuer it knows, and no other."""
    made = twins(doors.keys, time.time())
    # What time makes invalid goes first.
    names = sorted(made, key=lambda name: name not in ("expired", "ends before it begins", "exp missing"))
    each = [bearer(made[name]) for name in names]
    direct = ask_all(doors.function, each)
    through = ask_all(doors.gateway, each)
    own = {name for name in names if issuer(made[name]) == "log-aggregator"}

    assert {n: found.status for n, found in zip(names, direct, strict=True) if found.status != 200} == {}
    assert {n for n, found in zip(names, through, strict=True) if found.status != 200} == own
    assert len(own) < len(names) - 30


def issuer(token: str) -> str:
    claims = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["iss"])


def test_an_empty_forwarded_header_is_as_good_as_none(doors: Doors, corpus: list[HostileToken]) -> None:
    """Then `Authorization` is looked at, and judged as ever."""
    for empty in ("", " "):
        headers = {FORWARDED: empty}
        accepted = ask_all(doors.function, [headers | bearer(doors.good()), headers])

        assert [found.status for found in accepted] == [200, 401]
        assert not_refused(sent(doors.function, corpus[::10], lambda t, h=headers: h | bearer(t))) == []  # type: ignore[misc]


def test_forged_claims_are_never_enough(doors: Doors, corpus: list[HostileToken]) -> None:
    """X-Apigateway-Api-Userinfo is unsigned: alone or beside a hostile token it opens nothing."""
    claims = json.dumps(doors.keys.claims("RS256", time.time()) | {"roles": ["admin"]}).encode()
    forged = [base64.urlsafe_b64encode(claims).decode(), base64.b64encode(claims).decode().rstrip("=")]
    for port in (doors.function, doors.gateway):
        alone = ask_all(port, [{USERINFO: one} for one in forged])

        assert [found.status for found in alone] == [401, 401]
        beside = sent(port, corpus[::10], lambda token: bearer(token) | {USERINFO: forged[0]})
        assert not_refused_by_gateway(beside) == []


def test_forged_claims_add_nothing_to_a_good_token(doors: Doors) -> None:
    """Who may only read metrics stays so, whatever the header says."""
    claims = json.dumps(doors.keys.claims("RS256", time.time()) | {"roles": ["admin"]}).encode()
    headers = bearer(doors.good(roles=["metrics"])) | {USERINFO: base64.urlsafe_b64encode(claims).decode()}

    assert [ask_all(port, [headers])[0].status for port in (doors.function, doors.gateway)] == [403, 403]


@pytest.mark.parametrize(
    ("size", "direct", "through"), [(8_000, 401, 401), (9_000, 431, 401), (70_000, 431, 431)]
)
def test_a_token_of_any_length_is_refused(doors: Doors, size: int, direct: int, through: int) -> None:
    """By the first that has no room for it, or by the first that reads it."""
    asked = [ask_all(port, [bearer("A" * size)])[0].status for port in (doors.function, doors.gateway)]

    assert asked == [direct, through]
