"""A build without a cloud."""

from pathlib import Path

import pytest

from tests.build.programs import World
from tests.conftest import ROOT


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Fakes of the programs that the scripts call, and what they did."""
    return World(tmp_path, ROOT)
