"""What tests of summaries share: a model, a receiver, and the function that knows both."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve
from tests.functions.summary_world import SIGNING, day_of, truthful
from tests.servers.hooks_server import HooksServer, hooks_server
from tests.servers.model_server import ModelServer, Says, model_server


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A model that tells the truth."""
    with model_server() as server:
        server.behave(Says(truthful))
        yield server


@pytest.fixture
def hooks() -> Iterator[HooksServer]:
    """A receiver of summaries."""
    with hooks_server() as server:
        yield server


@pytest.fixture
def settings(model: ModelServer, hooks: HooksServer) -> dict[str, str]:
    """With a model and a webhook."""
    return {
        "OPENAI_API_KEY": "k-test",
        "OPENAI_BASE_URL": model.url,
        "SUMMARY_WEBHOOK_URL": hooks.url("/in"),
        "WEBHOOK_SIGNING_KEY": SIGNING,
        "SUMMARY_RATE_LIMIT": "off",
    }


@pytest.fixture
def client(serve: Serve, tmp_path: Path, settings: dict[str, str]) -> Any:
    """The function over a day of logs."""
    day_of(serve, tmp_path)
    return serve("summary", **settings)
