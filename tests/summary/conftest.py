"""What tests of summaries share: the real tokenizer."""

from collections.abc import Iterator

import pytest

from tests.servers.required import require
from tests.summary.tokenizer.real import Tokenizer, installed, tokenizer


@pytest.fixture(scope="session")
def real() -> Iterator[Tokenizer]:
    """Counts tokens as models do."""
    require("gpt-tokenizer (node and npm are needed)", installed())
    with tokenizer() as counter:
        yield counter
