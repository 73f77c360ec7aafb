"""What Cloud Run's probes ask of every service."""

import pytest

from shared import wiring
from tests.conftest import Serve


@pytest.mark.parametrize("name", sorted(wiring.SETTINGS))
def test_every_function_says_that_it_is_alive(serve: Serve, name: str) -> None:
    """Without a token, without a limit, and in any state of what it depends on."""
    client = serve(name, RATE_LIMIT="1/min")

    answers = [client.get("/health") for _ in range(3)]

    assert [(one.status_code, one.json) for one in answers] == [(200, {"status": "ok"})] * 3
    assert client.post("/health").status_code == 405
