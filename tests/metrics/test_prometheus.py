"""A real Prometheus scrapes /metrics with a token, with the configuration that the README gives."""

import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import keys
from tests.conftest import ROOT, SECRET, token
from tests.gateway.conftest import System, running
from tests.metrics.served import Served, free_port
from tests.servers.required import require

_WITHIN_S = 30.0


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[Served]:
    """The metrics function, over counts that a health function left behind."""
    with Served("health", LOCAL_DATA_DIR=str(tmp_path)) as health:
        for _ in range(3):
            health.get("/health")
    with Served("metrics", LOCAL_DATA_DIR=str(tmp_path)) as served:
        yield served


def configuration(target: str, token_file: Path) -> str:
    """The README's scrape configuration, for this target and token, and hurried."""
    (block,) = re.findall(r"```yaml\n(scrape_configs:.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    given = block.replace("scheme: https", "scheme: http").replace("GATEWAY_HOST", target)
    given = re.sub(r"credentials_file: \S+", f"credentials_file: {token_file}", given)
    return re.sub(r"scrape_interval: \S+", "scrape_interval: 200ms\n    scrape_timeout: 200ms", given)


def asked(address: str, query: str) -> list[dict[str, Any]]:
    """What Prometheus's HTTP API answers; nothing while it is not there."""
    try:
        url = f"{address}/api/v1/query?query={urllib.parse.quote(query)}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found
    except OSError:
        return []


def scraped(target: str, bearer: str, query: str, tmp_path: Path) -> tuple[list[Any], list[Any]]:
    """What a Prometheus that scrapes this target with this token answers to the query, and to `up`."""
    prometheus = shutil.which("prometheus")
    require("prometheus", prometheus)
    (tmp_path / "token").write_text(bearer)
    config = tmp_path / "prometheus.yml"
    config.write_text(configuration(target, tmp_path / "token"))
    port = free_port()
    process = subprocess.Popen(
        [
            str(prometheus),
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ends = time.monotonic() + _WITHIN_S
        found: list[dict[str, Any]] = []
        while not found and time.monotonic() < ends:
            time.sleep(0.2)
            found = asked(f"http://127.0.0.1:{port}", query)
        return found, asked(f"http://127.0.0.1:{port}", "up")
    finally:
        process.kill()
        process.wait(timeout=10)


def test_prometheus_scrapes_with_a_token(metrics: Served, tmp_path: Path) -> None:
    """The fleet's requests are a series that its HTTP API answers, and the target is up."""
    query = 'log_aggregator_requests_total{function="health"}'
    served, up = scraped(metrics.url.removeprefix("http://"), token("metrics"), query, tmp_path)

    assert [(series["metric"]["route"], series["value"][1]) for series in served] == [("/health", "3")]
    assert [series["value"][1] for series in up] == ["1"]


def test_prometheus_scrapes_through_the_gateway(tmp_path: Path) -> None:
    """A real Envoy before the functions: with the README's configuration the fleet is a target that is up."""
    (tmp_path / "data").mkdir()
    settings = {"LOCAL_DATA_DIR": str(tmp_path / "data"), "LOG_AGGREGATOR_SECRET_KEY": SECRET}
    with running(tmp_path / "local", settings) as (gateway, functions):
        pair = keys.key_pair(tmp_path / "local")
        bearer = System(gateway, functions, pair, pair).token("metrics")
        # The scrapes themselves are requests that are counted, and folded after ten seconds.
        query = 'log_aggregator_requests_total{function="metrics", status="200"}'
        served, up = scraped(f"127.0.0.1:{gateway}", bearer, query, tmp_path)

    assert [series["metric"]["route"] for series in served] == ["/metrics"]
    assert [series["value"][1] for series in up] == ["1"]
