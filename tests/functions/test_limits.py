"""Rate limits through the front door."""

from typing import Any

import pytest

from tests.conftest import Serve, bearer, token


def test_a_subject_that_asks_too_often_is_told_when_to_come_back(serve: Serve) -> None:
    """429 with Retry-After and the RateLimit fields; another subject is not affected."""
    client = serve("gcs", RATE_LIMIT="3/min")

    answers = [client.get("/logs/gcs", headers=bearer()) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    refused = answers[3]
    assert refused.json["code"] == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit"].startswith('"read";r=0;t=')
    assert answers[0].headers["RateLimit"].startswith('"read";r=2;t=')
    assert refused.headers["RateLimit-Policy"] == '"read";q=3;w=60'
    other = {"Authorization": f"Bearer {token(sub='somebody-else')}"}
    assert client.get("/logs/gcs", headers=other).status_code == 200


def test_refused_for_the_rate_comes_before_the_parameters(serve: Serve) -> None:
    """The order of the checks: 429 before 400."""
    client = serve("gcs", RATE_LIMIT="1/hour")

    assert client.get("/logs/gcs?page_size=0", headers=bearer()).status_code == 400
    assert client.get("/logs/gcs?page_size=0", headers=bearer()).status_code == 429


def test_failed_authentications_are_limited_by_address(serve: Serve) -> None:
    """Whoever guesses is slowed down; a valid token from elsewhere is not."""
    client = serve("gcs", AUTH_FAILURE_LIMIT="2/hour", TRUSTED_PROXY_HOPS="1")

    def ask(address: str, headers: dict[str, str]) -> Any:
        return client.get(
            "/logs/gcs", headers=headers | {"X-Forwarded-For": f"9.9.9.9, {address}"}
        ).status_code

    assert [ask("198.51.100.7", {"Authorization": "Bearer x"}) for _ in range(3)] == [401, 401, 429]
    assert ask("198.51.100.7", bearer()) == 429
    assert ask("198.51.100.8", bearer()) == 200


def test_successes_cost_nothing_of_the_failures_limit(serve: Serve) -> None:
    """Only failures are counted."""
    client = serve("gcs", AUTH_FAILURE_LIMIT="1/hour")

    assert [client.get("/logs/gcs", headers=bearer()).status_code for _ in range(3)] == [200] * 3


def test_health_is_not_counted(serve: Serve) -> None:
    """Probes may come as often as they like."""
    client = serve("health", RATE_LIMIT="1/hour")

    assert [client.get("/health").status_code for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("value", ["fast", "0/hour", "10", "10/day", "-1/sec", "10/min/min"])
def test_a_wrong_rate_stops_the_start(serve: Serve, value: str) -> None:
    """The setting is named, its value is not printed."""
    with pytest.raises(SystemExit) as caught:
        serve("gcs", RATE_LIMIT=value)

    assert "RATE_LIMIT" in str(caught.value)
    assert value not in str(caught.value)
