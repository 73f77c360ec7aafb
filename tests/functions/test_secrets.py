"""A setting may name a secret: it is then read from Secret Manager, once per instance."""

from collections.abc import Iterator

import pytest

from tests.conftest import SECRET, Serve, bearer
from tests.servers.fake_secrets import FakeSecrets

SECRET_ID = "projects/p/secrets/token-key"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSecrets]:
    """A Secret Manager that the product is pointed at."""
    with FakeSecrets() as server:
        monkeypatch.setenv("SECRET_MANAGER_EMULATOR_HOST", server.host)
        yield server


def test_a_secret_is_read_once(serve: Serve, secrets: FakeSecrets) -> None:
    """Three requests, each with several uses of the key, cost one call, and none before the first."""
    client = serve("gcs", LOG_AGGREGATOR_SECRET_KEY=secrets.put(SECRET_ID, SECRET.encode()))
    assert len(secrets.calls) == 0

    statuses = [client.get("/logs/gcs", headers=bearer()).status_code for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert len(secrets.calls) == 1


@pytest.mark.parametrize("fault", ["missing", "denied", "corrupt", "disabled", "weak", "no text"])
def test_a_secret_that_cannot_be_used_is_a_503_that_tells_nothing(
    serve: Serve, secrets: FakeSecrets, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    """The caller learns that the service is not set up; the log names the setting; nobody sees the value."""
    data = {"weak": b"changeme-changeme-changeme-changeme-123", "no text": b"\xff" * 40}.get(
        fault, SECRET.encode()
    )
    name = secrets.put(SECRET_ID, data)
    if fault == "denied":
        secrets.deny(SECRET_ID)
    if fault == "corrupt":
        secrets.corrupt(SECRET_ID)
    if fault == "disabled":
        secrets.disable(SECRET_ID, 1)
    client = serve(
        "gcs", LOG_AGGREGATOR_SECRET_KEY=name.replace("token-key", "other") if fault == "missing" else name
    )

    answer = client.get("/logs/gcs", headers=bearer())

    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "30"
    assert "secret" not in answer.text.lower()


def test_a_secret_that_comes_later_is_read_then(serve: Serve, secrets: FakeSecrets) -> None:
    """A failure is not remembered: the next request tries again."""
    client = serve("gcs", LOG_AGGREGATOR_SECRET_KEY=f"{SECRET_ID}/versions/1")
    assert client.get("/logs/gcs", headers=bearer()).status_code == 503

    secrets.put(SECRET_ID, SECRET.encode())

    assert client.get("/logs/gcs", headers=bearer()).status_code == 200
