"""What is planned for production, rule by rule."""

import pytest

from tests.infra.order import waits_for
from tests.infra.policy import RULES, Rule
from tests.infra.terraform import INFRA, Configuration, Plan


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_production_keeps_the_rule(prod: Plan, rule: Rule) -> None:
    """As the repository has it."""
    assert list(rule(prod)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_option_keeps_the_rule(everything: Plan, rule: Rule) -> None:
    """With every setting, a second bucket, Redis and a budget."""
    assert list(rule(everything)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_an_empty_project_keeps_the_rule(empty: Plan, rule: Rule) -> None:
    """Where bucket and database are still to be made."""
    assert list(rule(empty)) == []


def test_the_gateways_own_service_is_on_before_the_gateway_and_after_its_config(prod: Plan) -> None:
    """Without a config there is nothing to switch on, and without the service each call is a 403."""
    before = waits_for(prod)

    assert "google_project_service.managed" in before["google_api_gateway_gateway.this"]
    assert "google_api_gateway_api_config.this" in before["google_project_service.managed"]


@pytest.fixture(scope="module")
def empty(infra: Configuration) -> Plan:
    """The development environment in somebody's project, which has nothing yet."""
    return infra.plan(INFRA / "env" / "dev.tfvars", project="a-new-project")


def test_nothing_is_read_of_an_empty_project(empty: Plan) -> None:
    """What is to be made cannot be looked up: the first apply is one apply."""
    read = [
        one["address"]
        for one in empty.told.get("prior_state", {})
        .get("values", {})
        .get("root_module", {})
        .get("resources", [])
    ]

    assert read == []
    assert [bucket.values["name"] for bucket in empty.of("storage_bucket")] == ["a-new-project-logs"]
    assert len(empty.of("storage_bucket", "firestore_database")) == 2
