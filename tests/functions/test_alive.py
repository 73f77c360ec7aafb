"""What Cloud Run's probes ask of every service."""

import pytest

from shared import wiring
from tests.conftest import Serve, bearer


@pytest.mark.parametrize("name", sorted(wiring.SETTINGS))
def test_every_function_says_that_it_is_alive(serve: Serve, name: str) -> None:
    """Without a token, without a limit, and in any state of what it depends on; to reading alone."""
    client = serve(name, RATE_LIMIT="1/min")

    answers = [client.get("/health") for _ in range(3)]

    assert [(one.status_code, one.json) for one in answers] == [(200, {"status": "ok"})] * 3
    assert client.post("/health").status_code == (405 if name == "health" else 404)


def test_probes_are_not_counted(serve: Serve) -> None:
    """A fleet's metrics are of its callers."""
    client = serve("metrics")
    client.get("/health")

    text = client.get("/metrics?scope=instance", headers=bearer("metrics")).text

    assert 'route="/health"' not in text
