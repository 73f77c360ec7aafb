"""What an instance counted is in the store when SIGTERM has ended it, whatever the store is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import bearer
from tests.metrics.served import Served
from tests.servers.firestore_emulator import FirestoreEmulator, missing
from tests.servers.redis_server import RedisServer, find_redis_server
from tests.servers.required import require

SERVED = 'log_aggregator_requests_total{function="health",route="/health",status="200"} 7.0'


@pytest.fixture(params=["sqlite", "redis", "firestore"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings of one kind of store."""
    if request.param == "sqlite":
        yield {"LOCAL_DATA_DIR": str(tmp_path)}
    elif request.param == "redis":
        require("redis-server", find_redis_server())
        with RedisServer() as redis:
            yield {"LOCAL_DATA_DIR": str(tmp_path), "REDIS_URL": redis.url}
    else:
        require("the Firestore emulator", missing() is None)
        with FirestoreEmulator() as emulator:
            yield {"GOOGLE_CLOUD_PROJECT": "demo-shutdown", "FIRESTORE_EMULATOR_HOST": emulator.host}


def test_sigterm_folds_what_is_left(place: dict[str, str]) -> None:
    """Seven requests, none of them folded yet, all of them in the sums after the end of their process."""
    with Served("health", **place) as health:
        for _ in range(7):
            assert health.get("/health")[0] == 200

    with Served("metrics", **place) as metrics:
        status, text = metrics.get("/metrics", bearer("metrics"))
        _, instance = metrics.get("/metrics?scope=instance", bearer("metrics"))

    assert (status, SERVED in text.splitlines()) == (200, True)
    assert 'function="health"' not in instance
