"""Alerts and dashboard: every query can be parsed, every log-based metric is counted and looked at."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import Serve
from tests.functions.summary_world import day_of, made, truthful
from tests.infra.terraform import INFRA, Configuration, Plan
from tests.servers.model_server import Says, model_server
from tests.servers.required import require

WANTED = {"errors", "latency", "summary_failures", "spend", "silent_fleet", "unreachable"}


def alerts(plan: Plan) -> dict[str, str]:
    """Alert to its PromQL."""
    found = {}
    for one in plan.of("monitoring_alert_policy"):
        [name] = re.findall(r'\["(.+)"\]', one.address)
        [condition] = one.values["conditions"]
        found[name] = condition["condition_prometheus_query_language"][0]["query"]
    return found


def charts(plan: Plan) -> list[str]:
    """The PromQL of the dashboard's charts."""
    [dashboard] = plan.of("monitoring_dashboard")
    tiles = json.loads(dashboard.values["dashboard_json"])["mosaicLayout"]["tiles"]
    return [tile["widget"]["xyChart"]["dataSets"][0]["timeSeriesQuery"]["prometheusQuery"] for tile in tiles]


def test_every_kind_of_trouble_has_an_alert_that_says_what_to_do(prod: Plan) -> None:
    """5xx, latency, summaries, spend, a silent fleet, and the gateway itself."""
    assert alerts(prod).keys() == WANTED
    for one in prod.of("monitoring_alert_policy"):
        assert len(one.values["documentation"][0]["content"]) > 80, one.address


def test_alerts_tell_those_who_are_named(everything: Plan) -> None:
    """Every alert goes to every channel."""
    assert len(everything.of("monitoring_notification_channel")) == 1
    for one in everything.told["planned_values"]["root_module"]["resources"]:
        if one["type"] == "google_monitoring_notification_channel":
            assert one["values"]["labels"] == {"email_address": "ops@example.com"}


def test_every_query_is_promql(prod: Plan, tmp_path: Path) -> None:
    """Prometheus itself reads them; whether Cloud Monitoring has the metrics, only Google can say."""
    require("promtool", shutil.which("promtool"))
    queries = [*alerts(prod).values(), *charts(prod)]
    rules = [{"alert": f"query{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "alerts", "rules": rules}]}))

    told = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )

    assert told.returncode == 0, told.stdout + told.stderr
    assert f"{len(queries)} rules found" in told.stdout


def test_log_based_metrics_are_counted_and_watched(prod: Plan) -> None:
    """A metric that no alert reads is paid for in vain; one that is read has to be counted."""
    counted = {one.values["name"] for one in prod.of("logging_metric")}
    text = " ".join(alerts(prod).values())
    read = set(re.findall(r"logging_googleapis_com:user_(\w+?)(?:_sum)?\{", text))

    assert read == counted


def test_log_based_metrics_count_what_the_functions_write(
    prod: Plan, serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The field of a function's line that a metric reads is there, a number, once a model was paid for."""
    day_of(serve, tmp_path)
    with model_server() as model:
        model.behave(Says(truthful))
        summary = made(serve("summary", OPENAI_API_KEY="k-test", OPENAI_BASE_URL=model.url))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [metric] = [one.values for one in prod.of("logging_metric") if "jsonPayload" in one.values["filter"]]

    assert "jsonPayload.cost_usd>0" in metric["filter"]
    assert metric["value_extractor"] == "EXTRACT(jsonPayload.cost_usd)"
    told = [line["cost_usd"] for line in lines if line.get("cost_usd", 0) > 0]
    assert told == [summary["usage"]["cost_usd"]]


def test_failed_summaries_are_counted_of_cloud_runs_own_lines(prod: Plan) -> None:
    """They are written whatever LOG_LEVEL is, and for a request that ended its instance."""
    [metric] = [one.values for one in prod.of("logging_metric") if one.values["name"].endswith("y_failures")]

    for part in (
        'log_id("run.googleapis.com/requests")',
        'service_name="log-aggregator-summary"',
        'httpRequest.requestMethod="POST"',
        "httpRequest.status>=500",
    ):
        assert part in metric["filter"]


def test_the_uptime_check_asks_health_through_the_gateway(prod: Plan, serve: Serve) -> None:
    """The one route that anyone may ask, over TLS, and finds what the function says."""
    [check] = prod.of("monitoring_uptime_check_config")
    [http] = check.values["http_check"]
    [host] = [one.values["default_hostname"] for one in prod.of("api_gateway_gateway")]

    assert (http["path"], http["use_ssl"], http["validate_ssl"]) == ("/health", True, True)
    assert check.values["monitored_resource"][0]["labels"]["host"] == host
    period_s = int(check.values["period"].removesuffix("s"))
    looks_back = re.findall(r"\[(\d+)m\]", alerts(prod)["unreachable"])
    assert [int(minutes) * 60 >= 2 * period_s for minutes in looks_back] == [True]
    answer = serve("health").get(http["path"])
    [matcher] = check.values["content_matchers"]
    assert answer.status_code == 200
    assert matcher["content"] in answer.text


@pytest.mark.parametrize(("table", "changes"), [({}, False), ({"jwt_audience": "another"}, True)])
def test_a_changed_contract_is_a_new_config(
    infra: Configuration, prod: Plan, table: dict[str, str], changes: bool
) -> None:
    """The id is the content's: equal documents keep it, any other gets another."""
    planned = infra.plan(INFRA / "env" / "prod.tfvars", **table)
    [before], [after] = prod.of("api_gateway_api_config"), planned.of("api_gateway_api_config")

    assert (before.values["api_config_id"] != after.values["api_config_id"]) is changes
