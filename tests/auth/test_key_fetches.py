"""Key sets: how often an issuer is asked for its keys, and what happens when it does not answer."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shared.auth import JwksIssuer, KeySet, RoleBindings, Verifier
from shared.errors import AggregatorError, NotAuthenticated, Unavailable
from tests.auth.conftest import NOW, SettableClock
from tests.auth.issuer_keys import AUDIENCE, PROVIDER, IssuerKeys, public_jwk, sign_ec, sign_rsa
from tests.auth.jwks_server import JwksServer, eventually


class Provider:
    """A verifier of one provider, whose key set is at `endpoint` and ages by `age`."""

    def __init__(self, keys: IssuerKeys, endpoint: JwksServer, deadline_s: float = 3.0) -> None:
        self.keys = keys
        self.endpoint = endpoint
        self.age = SettableClock(0.0)
        self.key_set = KeySet(endpoint.url, clock=self.age, deadline_s=deadline_s)
        issuers = [JwksIssuer(PROVIDER, self.key_set)]
        self.verifier = Verifier(issuers, AUDIENCE, RoleBindings(), lambda: NOW)

    def answer(self, **changes: Any) -> str:
        """ "ok", or the reason of the refusal, or "unavailable"."""
        try:
            self.verifier.verify(self.keys.token(NOW, **changes))
        except NotAuthenticated as refusal:
            return refusal.reason
        except Unavailable:
            return "unavailable"
        return "ok"


@pytest.fixture
def provider(keys: IssuerKeys, endpoint: JwksServer) -> Provider:
    """A provider that publishes its keys."""
    endpoint.publish(keys.jwks())
    return Provider(keys, endpoint)


def unknown(number: int) -> dict[str, Any]:
    """A token of a key that is not in the set."""
    return {"header": {"kid": f"random-{number}"}}


def test_keys_are_fetched_when_first_needed(provider: Provider) -> None:
    """Nothing is asked at the start, nor for tokens that their claims already condemn."""
    assert provider.answer(claims={"exp": 1}) != "ok"
    assert provider.answer(claims={"aud": "other"}) == "wrong_audience"
    assert provider.endpoint.fetches == 0

    assert provider.answer() == "ok"
    assert provider.endpoint.fetches == 1


def test_500_random_key_ids_cost_at_most_two_fetches(provider: Provider) -> None:
    """A flood of unknown key ids is refused from what we have, and the honest are served meanwhile."""
    assert {provider.answer(**unknown(number)) for number in range(500)} == {"unknown_key"}
    assert provider.answer() == "ok"

    assert provider.endpoint.fetches <= 2


def test_flood_from_many_threads_costs_at_most_two_fetches(provider: Provider) -> None:
    """However many ask at once, with or without known keys, one fetch serves them all."""
    tokens = [unknown(number) for number in range(100)] + [{} for _ in range(100)]

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda changes: provider.answer(**changes), tokens))

    assert answers == ["unknown_key"] * 100 + ["ok"] * 100
    assert provider.endpoint.fetches <= 2


def test_unknown_key_id_refetches_once_in_30_seconds(provider: Provider) -> None:
    """The allowance comes back after 30 s, and not before."""
    assert [provider.answer(), provider.answer(**unknown(1))] == ["ok", "unknown_key"]
    seen = {}
    for age_s in (1, 29, 31, 59, 62):
        provider.age.now = age_s
        provider.answer(**unknown(age_s))
        seen[age_s] = provider.endpoint.fetches

    assert seen == {1: 2, 29: 2, 31: 3, 59: 3, 62: 4}


def test_rotated_key_is_accepted_at_once_and_the_old_one_no_more(
    provider: Provider, keys: IssuerKeys
) -> None:
    """A new key id is looked for; what the issuer no longer publishes is no longer believed."""
    assert provider.answer() == "ok"
    provider.endpoint.publish({"keys": [public_jwk(keys.stranger_rsa, kid="new")]})
    new = {"header": {"kid": "new"}, "signer": sign_rsa(keys.stranger_rsa)}

    assert [provider.answer(**new), provider.answer()] == ["ok", "unknown_key"]
    assert provider.endpoint.fetches == 2


def test_keys_are_kept_five_minutes_whatever_the_headers_say(provider: Provider) -> None:
    """The issuer cannot make us ask more often, and is asked again after that."""
    provider.endpoint.headers = {"Cache-Control": "no-store, max-age=0", "Expires": "0"}
    seen = {}
    for age_s in (0, 1, 299, 301, 600, 602):
        provider.age.now = age_s
        assert provider.answer() == "ok"
        seen[age_s] = provider.endpoint.fetches

    assert seen == {0: 1, 1: 1, 299: 1, 301: 2, 600: 2, 602: 3}


def test_withdrawn_key_is_refused_after_five_minutes(provider: Provider, keys: IssuerKeys) -> None:
    """An issuer that withdraws all its keys is taken at its word: nobody is who they say."""
    assert provider.answer() == "ok"
    provider.endpoint.publish({"keys": []})
    provider.age.now = 301

    assert provider.answer() == "unknown_key"


@pytest.mark.parametrize(
    "failure", ["500", "404", "302", "204", "garbage", "not a set", "too large", "twice", "nested"]
)
def test_broken_endpoint_leaves_the_keys_for_an_hour(provider: Provider, failure: str) -> None:
    """Whatever the endpoint answers instead of keys, the last ones are used until they are an hour old."""
    assert provider.answer() == "ok"
    break_endpoint(provider.endpoint, failure)

    provider.age.now = 3_599
    assert [provider.answer(), provider.answer(**unknown(1))] == ["ok", "unknown_key"]
    provider.age.now = 3_601 + 30
    assert provider.answer() == "unavailable"


@pytest.mark.parametrize(
    "failure", ["500", "404", "302", "204", "garbage", "not a set", "too large", "twice", "nested"]
)
def test_without_any_keys_it_is_unavailable(provider: Provider, failure: str) -> None:
    """503 with Retry-After, not 401: the caller's token may be good. It recovers when the endpoint does."""
    good = provider.endpoint.body
    break_endpoint(provider.endpoint, failure)

    with pytest.raises(Unavailable) as refusal:
        provider.key_set.key("provider-rsa")
    assert (refusal.value.status, refusal.value.retry_after_s) == (503, 5)
    provider.endpoint.body, provider.endpoint.status, provider.endpoint.headers = good, 200, {}
    provider.age.now = 5.1
    assert provider.answer() == "ok"


def test_only_a_200_carries_keys(provider: Provider) -> None:
    """Part of an answer, or somebody else's version of it, is not the issuer's key set."""
    answers = []
    for status in (203, 206, 226):
        provider.endpoint.status = status
        provider.age.now += 6
        answers.append(provider.answer())

    assert answers == ["unavailable"] * 3
    assert provider.endpoint.fetches == 3


def break_endpoint(endpoint: JwksServer, how: str) -> None:
    """Makes it answer something else than keys."""
    listed = endpoint.body
    if how.isdigit():
        endpoint.status = int(how)
        endpoint.headers = {"Location": "/other.json"}
    else:
        endpoint.body = {
            "garbage": b"<html>\xff not keys",
            "not a set": b'{"keys": {"kid": "x"}}',
            "too large": listed[:-1] + b" " * 300_000 + b"}",
            "twice": listed[:-1] + b', "keys": []}',
            "nested": b'{"keys": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        }[how]


def test_failing_endpoint_is_not_hammered(provider: Provider) -> None:
    """Without keys it is asked once in 5 s however many come, with old keys once in 30 s."""
    good = provider.endpoint.body
    provider.endpoint.status = 500
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: provider.answer(), range(100))) == {"unavailable"}
    assert provider.endpoint.fetches == 1

    provider.endpoint.publish(good)
    provider.age.now = 6
    assert provider.answer() == "ok"
    provider.endpoint.status = 500
    provider.age.now = 400
    assert {provider.answer() for _ in range(50)} == {"ok"}
    assert provider.endpoint.fetches == 3
    provider.age.now = 431
    assert provider.answer() == "ok"
    assert provider.endpoint.fetches == 4


def test_nobody_listening_is_unavailable(keys: IssuerKeys, provider: Provider) -> None:
    """A refused connection is an endpoint that is down."""
    nobody = KeySet("http://127.0.0.1:1/keys.json")

    with pytest.raises(Unavailable):
        nobody.key("provider-rsa")


@pytest.mark.parametrize("slow", [{"silence_s": 30.0}, {"drip_s": 0.05}])
def test_slow_endpoint_holds_nobody_longer_than_the_deadline(
    keys: IssuerKeys, endpoint: JwksServer, slow: dict[str, float]
) -> None:
    """Thirty threads wait together for one fetch, not one after the other."""
    endpoint.publish(keys.jwks())
    vars(endpoint).update(slow)
    provider = Provider(keys, endpoint, deadline_s=0.3)

    began = time.monotonic()
    with ThreadPoolExecutor(30) as pool:
        assert set(pool.map(lambda _: provider.answer(), range(30))) == {"unavailable"}

    assert time.monotonic() - began < 1.5
    assert endpoint.fetches == 1


def test_slow_refresh_holds_only_the_one_who_asks(keys: IssuerKeys, endpoint: JwksServer) -> None:
    """While one caller waits for new keys, the others go on with the ones at hand."""
    endpoint.publish(keys.jwks())
    provider = Provider(keys, endpoint, deadline_s=1.0)
    assert provider.answer() == "ok"
    provider.age.now = 301
    endpoint.silence_s = 30.0
    answers: list[str] = []
    first = threading.Thread(target=lambda: answers.append(provider.answer()))
    first.start()
    assert eventually(lambda: endpoint.fetches == 2)

    began = time.monotonic()
    assert {provider.answer() for _ in range(20)} == {"ok"}
    assert time.monotonic() - began < 0.7
    first.join()
    assert answers == ["ok"]


def test_late_answer_is_used(keys: IssuerKeys, endpoint: JwksServer) -> None:
    """A fetch that nobody waits for any more still serves those who come after it."""
    endpoint.publish(keys.jwks())
    endpoint.headers = {f"X-{number}": "x" for number in range(5)}
    endpoint.pause_s = 0.1
    provider = Provider(keys, endpoint, deadline_s=0.3)

    assert provider.answer() == "unavailable"
    assert eventually(lambda: provider.answer() == "ok")
    assert endpoint.fetches == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.com/keys",
        "http://10.0.0.1/keys",
        "http://127.0.0.1.example.com/keys",
        "http://0.0.0.0/keys",
        "http://localhost.example.com/keys",
        "ftp://id.example.com/keys",
        "data:application/json,{}",
        "https:///keys",
        "file://elsewhere/keys",
        "gopher://x",
        "/etc/keys",
        "",
        "https://user:sekrit@id.example.com/keys",
        "https://id.example.com:99999/keys",
        "http://[::1/keys",
        "javascript:1",
    ],
)
def test_addresses_that_others_could_answer_are_refused(url: str) -> None:
    """Only https, files, and plain HTTP where nobody can listen in; the message shows no address."""
    with pytest.raises(ValueError) as fault:
        KeySet(url)

    assert "sekrit" not in str(fault.value)


@pytest.mark.parametrize(
    "url", ["https://id.example.com/keys", "http://localhost:1/k", "http://[::1]:1/k", "http://127.9.9.9/k"]
)
def test_addresses_that_are_allowed_are_not_asked_yet(url: str) -> None:
    """Making a key set costs nothing."""
    KeySet(url)


def test_redirects_are_not_followed(provider: Provider, tmp_path: Path) -> None:
    """A redirect could lead to a file, to plain HTTP or inside the network: only the set address is asked."""
    for target in (tmp_path.as_uri(), "/elsewhere.json", "http://169.254.169.254/"):
        provider.endpoint.status, provider.endpoint.headers = 302, {"Location": target}
        provider.age.now += 6
        assert provider.answer() == "unavailable"

    assert set(provider.endpoint.asked) == {"/keys.json"}


def test_missing_file_is_unavailable(tmp_path: Path) -> None:
    """A file that is not there yet is an endpoint that is down."""
    with pytest.raises(Unavailable):
        KeySet((tmp_path / "none.json").as_uri()).key("x")


def test_proxy_settings_do_not_reach_loopback(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key set on this machine is asked directly, whatever proxy the environment names."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    assert provider.answer() == "ok"


def test_failures_say_nothing_of_where(provider: Provider) -> None:
    """The caller does not learn the endpoint's address or what it said."""
    provider.endpoint.status = 500
    with pytest.raises(AggregatorError) as refusal:
        provider.key_set.key("x")

    assert "127.0.0.1" not in str(refusal.value.problem("r"))


def test_keys_decide_their_algorithm(provider: Provider, keys: IssuerKeys) -> None:
    """Both families work side by side, and neither key serves the other's algorithm."""
    assert [provider.answer(family=family) for family in ("RS256", "ES256")] == ["ok", "ok"]
    crossed = {"header": {"kid": "provider-rsa", "alg": "ES256"}, "signer": sign_ec(keys.provider_ec)}

    assert provider.answer(**crossed) == "wrong_algorithm"
