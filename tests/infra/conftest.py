"""Terraform set up once for all tests of a run, and what it plans."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.everything import EVERYTHING
from tests.infra.offline.install import install, missing
from tests.infra.offline.running import running
from tests.infra.terraform import INFRA, Configuration, Plan, copy_of_infra
from tests.servers.required import require


@pytest.fixture(scope="session")
def infra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Configuration]:
    """`infra/` as it is: not to be changed."""
    require("Terraform's configuration (terraform and npm are needed)", missing() is None)
    env = install(INFRA)
    configuration = copy_of_infra(tmp_path_factory.mktemp("infra"), env)
    with running(env) as quick:
        yield Configuration(configuration.path, quick)


@pytest.fixture
def copy(infra: Configuration, tmp_path: Path) -> Configuration:
    """`infra/` to make mistakes in."""
    return copy_of_infra(tmp_path, infra.env, infra.path)


@pytest.fixture(scope="session")
def prod(infra: Configuration) -> Plan:
    """Production, as it stands in the repository."""
    return infra.plan(INFRA / "env" / "prod.tfvars")


@pytest.fixture(scope="session")
def everything(infra: Configuration) -> Plan:
    """Production with every setting set and every option taken."""
    return infra.plan(INFRA / "env" / "prod.tfvars", **EVERYTHING)
