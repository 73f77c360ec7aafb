"""Sums as text that Prometheus reads."""

import itertools
import shutil
import subprocess

from prometheus_client.parser import text_string_to_metric_families

from shared.metrics import Registry
from shared.metrics.exposition import fleet_text, instance_text
from shared.metrics.registry import Series
from shared.metrics.table import REQUEST_DURATION, REQUESTS, TABLE, Metric
from tests.servers.required import require


def values(text: bytes) -> dict[str, float]:
    """Every sample by its name and labels, in one string."""
    return {
        sample.name
        + "".join(f" {label}={value}" for label, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def everything() -> Registry:
    """A process that has counted each metric of the table, with labels that need escaping."""
    registry = Registry()
    for metric in TABLE.values():
        labels = {
            label.name: min(label.values or {'a "quoted" \\ value\nof two lines'}) for label in metric.labels
        }
        count(registry, metric, labels)
    return registry


def count(registry: Registry, metric: Metric, labels: dict[str, str]) -> None:
    """One of it."""
    if metric.kind == "counter":
        registry.add(metric, 1.5, **labels)
    elif metric.kind == "histogram":
        registry.observe(metric, 0.3, **labels)


def test_promtool_accepts_every_metric() -> None:
    """`promtool check metrics` has nothing to say, of the fleet's text and of an instance's."""
    promtool = shutil.which("promtool")
    require("promtool", promtool)
    totals = everything().totals()

    for text in (fleet_text([("metrics/1/gcs/0", totals)], "gcs-00001"), instance_text(totals, "gcs-00001")):
        told = subprocess.run(
            [str(promtool), "check", "metrics"], input=text, capture_output=True, check=False
        )
        assert (told.returncode, told.stdout + told.stderr) == (0, b"")


def test_every_metric_of_the_table_is_shown() -> None:
    """Nothing that was counted is left out."""
    text = fleet_text([("metrics/1/gcs/0", everything().totals())], "gcs-00001").decode()

    assert [name for name in TABLE if f"# TYPE {name} " not in text] == []


def test_shards_add_up_in_any_order() -> None:
    """Whichever shard is read first, the sum is the same to the last bit: it cannot seem to shrink."""
    seconds = Series(REQUEST_DURATION, ("gcs", "/logs/gcs"), "sum").field
    shards = [(str(n), {seconds: amount}) for n, amount in enumerate((0.1, 0.2, 0.3, 3.3, 1e-9))]
    texts = {fleet_text(order, "r") for order in itertools.permutations(shards)}

    assert len(texts) == 1


def test_buckets_cumulate_and_their_last_is_the_count() -> None:
    """Stored apart, shown as Prometheus wants them."""
    registry = Registry()
    for seconds in (0.001, 0.005, 0.3, 70.0):
        registry.observe(REQUEST_DURATION, seconds, function="gcs", route="/logs/gcs")
    shown = values(instance_text(registry.totals(), "r"))
    name, labels = REQUEST_DURATION.name, "function=gcs"
    buckets = {
        bound: shown[f"{name}_bucket {labels} le={bound} route=/logs/gcs"]
        for bound in ("0.005", "0.25", "0.5", "60.0", "+Inf")
    }

    assert buckets == {"0.005": 2, "0.25": 2, "0.5": 3, "60.0": 3, "+Inf": 4}
    assert shown[f"{name}_count {labels} route=/logs/gcs"] == 4
    assert abs(shown[f"{name}_sum {labels} route=/logs/gcs"] - 70.306) < 1e-9


def test_bounds_of_an_older_version_count_towards_the_next() -> None:
    """Changing the buckets loses no observation."""
    name = REQUEST_DURATION.name
    sums = {
        Series(REQUEST_DURATION, ("gcs", "/x"), bound).field: 1 for bound in ("0.3", "0.5", "90.0", "inf")
    }
    shown = values(fleet_text([("metrics/1/gcs/0", sums)], "r"))

    assert shown[f"{name}_bucket function=gcs le=0.25 route=/x"] == 0
    assert shown[f"{name}_bucket function=gcs le=0.5 route=/x"] == 2
    assert shown[f"{name}_count function=gcs route=/x"] == 4


def test_foreign_fields_do_not_hide_ours() -> None:
    """What another version or another writer left in a counter is passed over."""
    served = Series(REQUESTS, ("gcs", "/logs/gcs", "200")).field
    shown = values(fleet_text([("metrics/1/gcs/0", {"junk": 1, '["gone_total"]': 2, served: 3})], "r"))

    assert shown["log_aggregator_requests_total function=gcs route=/logs/gcs status=200"] == 3
    assert shown["log_aggregator_metrics_shards"] == 1
