"""The servers that the contract's shelves share end with the session."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def servers() -> Iterator[None]:
    """Started by the first shelf that needs them."""
    yield
    from tests.contract import shelf_firestore, shelf_gcs

    shelf_gcs.stop()
    shelf_firestore.stop()
