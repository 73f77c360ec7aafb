"""The cost table of the operations page: computed, from measurements, over what Terraform really makes."""

import copy
import json
import re
from typing import Any

import pytest

from benchmarks import cost_table
from tests.conftest import ROOT

QUERIES = {f"{source}_{kind}" for source in cost_table.MIX for kind in ("cached", "uncached")}
CASES = QUERIES | {"health", "metrics", "summary_hour", "summary_day"}


@pytest.fixture
def results() -> dict[str, Any]:
    """What was measured."""
    found: dict[str, Any] = json.loads(cost_table.RESULTS.read_text())
    return found


def infra(path: str) -> str:
    """A file of the Terraform."""
    return (ROOT / "infra" / path).read_text()


def test_the_pages_tables_are_what_the_results_give(results: dict[str, Any]) -> None:
    """Whoever changes a price, an assumption or a measurement writes the page anew."""
    page = cost_table.PAGE.read_text()

    assert cost_table.written(page, results) == page
    assert cost_table.table(results) in page


def test_a_changed_measurement_changes_the_page(results: dict[str, Any]) -> None:
    """The comparison can fail."""
    dearer = copy.deepcopy(results)
    dearer["gcs_uncached"]["storage_class_a"] += 1

    assert cost_table.written(cost_table.PAGE.read_text(), dearer) != cost_table.PAGE.read_text()


def test_everything_was_measured(results: dict[str, Any]) -> None:
    """Every case, over enough requests, and none of them for nothing."""
    assert set(results) == CASES
    for name, case in results.items():
        assert case["requests"] >= (10 if name.startswith("summary") else 40), name
        assert 0 < case["cpu_s"] < 5, name
        assert case["response_bytes"] > 0, name
    for source in cost_table.MIX:
        assert results[f"{source}_cached"]["cpu_s"] < results[f"{source}_uncached"]["cpu_s"]
        assert results[f"{source}_uncached"]["response_bytes"] > 10_000
    assert results["gcs_uncached"]["storage_class_b"] > 0
    assert results["firestore_uncached"]["firestore_reads"] > 100
    assert results["pods_uncached"]["logging_calls"] >= 1
    assert results["summary_day"]["storage_class_b"] > results["summary_hour"]["storage_class_b"] > 0


def test_a_million_queries_stay_within_their_inputs(results: dict[str, Any]) -> None:
    """The sum of the column is the sum of its rows, and a thousand queries cost a thousandth of a million."""
    million, thousand = cost_table.queries(results, 1e6), cost_table.queries(results, 1e3)
    parts = [sku for skus in cost_table.PARTS.values() for sku in skus]

    assert sorted(parts) == sorted(million)
    assert million["log_gib"] == pytest.approx(1000 * thousand["log_gib"])
    assert million["document_read"] == pytest.approx(1000 * thousand["document_read"])


def test_instances_are_no_more_than_there_can_be(results: dict[str, Any]) -> None:
    """Each query has its own seconds; cold starts and probes end with three that are always there."""
    one, two, three = (cost_table.queries(results, million * 1e6)["vcpu_s"] for million in (1, 2, 3))
    always = (
        cost_table.COLD_STARTS * cost_table.COLD_START_S
        + cost_table.probes(3 * cost_table.MONTH_S, cost_table.SOURCE_GIB)["vcpu_s"]
    )

    assert three - two == pytest.approx(two - one)
    assert one - (two - one) == pytest.approx(always)


def test_a_request_is_billed_by_the_tenth_of_a_second(results: dict[str, Any]) -> None:
    """Rounded up, wait included, and never for nothing."""
    case = {"cpu_s": 0.01, "elapsed_s": 0.0501}

    assert cost_table.run_s(case, "cached") == pytest.approx(0.2)
    assert cost_table.run_s({"cpu_s": 0.0, "elapsed_s": 0.1}, "plain") == pytest.approx(0.1)
    assert cost_table.run_s(results["health"], "plain") == pytest.approx(0.1)


def test_the_free_allotments_are_taken_off_once() -> None:
    """And never below nothing."""
    used = cost_table.Usage({"gateway_call": 3e6, "run_request": 1.0})

    assert cost_table.dollars(used) == pytest.approx(9.0 + 0.4e-6)
    assert cost_table.dollars(used, free=True) == pytest.approx(3.0)


def test_the_table_is_about_what_terraform_makes() -> None:
    """Periods, alerts, secrets, memory and jobs are those of infra and of the schedules."""
    monitoring, functions = infra("monitoring.tf"), infra("functions.tf")
    period = re.search(
        r'google_monitoring_uptime_check_config" "\w+" \{.*?period\s*=\s*"(\d+)s"', monitoring, re.S
    )
    places = re.findall(r'"\w+"', re.findall(r"selected_regions = \[(.+)\]", monitoring)[0])
    probe = re.search(r"liveness_probe \{\s+period_seconds\s*=\s*(\d+)", infra("modules/function/service.tf"))
    memory = dict(re.findall(r'^    (\w+) = \{\n\s+memory\s*=\s*"(\w+)"', functions, re.MULTILINE))
    schedules = json.loads((ROOT / "shared/summary/schedules.json").read_text())
    gib = {"1Gi": cost_table.SOURCE_GIB, "2Gi": cost_table.SUMMARY_GIB, "512Mi": cost_table.SMALL_GIB}

    assert period
    assert float(period[1]) == cost_table.UPTIME_PERIOD_S
    assert probe
    assert float(probe[1]) == cost_table.PROBE_PERIOD_S
    assert len(places) == cost_table.UPTIME_REGIONS
    assert f'evaluation_interval = "{cost_table.ALERT_PERIOD_S:.0f}s"' in monitoring
    assert len(alerts()) == cost_table.ALERTS
    assert len(json.loads(infra("secrets.json"))) == cost_table.SECRETS
    assert {one["name"] for one in schedules} == set(cost_table.JOBS)
    assert {case for case, _ in cost_table.JOBS.values()} <= CASES
    assert {gib[memory[name]] for name in cost_table.MIX} == {cost_table.SOURCE_GIB}
    assert gib[memory["health"]] == cost_table.SMALL_GIB
    assert gib[memory["summary"]] == cost_table.SUMMARY_GIB


def alerts() -> list[str]:
    """The titles of the alerts."""
    return re.findall(r'^      title\s+= "(.+)"$', infra("monitoring.tf"), re.MULTILINE)


def test_the_page_tells_how_to_read_each_alert() -> None:
    """An alert that is added gets its row."""
    rows = re.findall(r"^\| ([^|]+) \|", cost_table.PAGE.read_text(), re.MULTILINE)

    assert [title for title in alerts() if title not in rows] == []


def test_nothing_runs_by_the_hour() -> None:
    """No function has a minimum of instances, and Redis is off."""
    assert "min_instances" not in infra("env/dev.tfvars") + infra("env/prod.tfvars")
    assert 'lookup(each.value, "min_instances", 0)' in infra("functions.tf")
    redis = infra("variables.tf").partition('variable "redis"')[2].partition("\n}")[0]
    assert "default = null" in redis


def test_every_price_has_its_page() -> None:
    """And the list its date."""
    assert {price.source.partition("//")[0] for price in cost_table.PRICES.values()} == {"https:"}
    assert re.fullmatch(r"\d{4}-\d{2}", cost_table.PRICES_OF)
    assert cost_table.PRICES_OF in cost_table.PAGE.read_text()
