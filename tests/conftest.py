"""What every test may use: a function served through its framework, and tokens for it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from shared import wiring

SECRET = "a-secret-for-tests-that-is-long-enough-0123456789"
ROOT = Path(__file__).parent.parent


def token(role: str = "viewer", **claims: Any) -> str:
    """A token of the product's own issuer."""
    now = int(time.time())
    body = {
        "iss": "log-aggregator",
        "aud": "log-aggregator",
        "sub": f"test-{role}",
        "iat": now,
        "exp": now + 600,
        "roles": [role],
    }
    return jwt.encode(body | claims, SECRET, algorithm="HS256")


def bearer(role: str = "viewer") -> dict[str, str]:
    """The header of a caller with this role."""
    return {"Authorization": f"Bearer {token(role)}"}


Serve = Callable[..., Any]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Serve]:
    """`serve("gcs", SETTING="value")`: a test client of the function, over `tmp_path` by default."""
    import functions_framework

    monkeypatch.setenv("LOCAL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LOG_AGGREGATOR_SECRET_KEY", SECRET)
    monkeypatch.setenv("GCS_BUCKET_NAME", "logs-bucket")
    # Tests ask faster than people do; those of the limits set their own.
    monkeypatch.setenv("RATE_LIMIT", "off")
    monkeypatch.setenv("AUTH_FAILURE_LIMIT", "off")

    def start(function: str, **settings: str) -> Any:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        wiring.reset()
        source = ROOT / "functions" / function / "main.py"
        app = functions_framework.create_app(function, str(source))  # type: ignore[no-untyped-call]
        return app.test_client()

    yield start
    wiring.reset()
