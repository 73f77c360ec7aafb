"""Sums as Prometheus text (exposition format 0.0.4), written by prometheus_client.

That library is imported here, at the first scrape: requests of other functions never need it.
Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
import platform
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from shared.metrics.registry import SUM, Series
from shared.metrics.table import BUILD_INFO, SHARDS, TABLE, Metric

if TYPE_CHECKING:
    from prometheus_client import Metric as Family

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Sums = Mapping[Series, float]
Samples = list[tuple[tuple[str, ...], str, float]]


def fleet_text(counters: Iterable[tuple[str, Mapping[str, float]]], revision: str) -> bytes:
    """The whole fleet, from every counter of the store under `fold.PREFIX`.

    `counters` must be all of them or raise: a sum without one of its shards would look like a restart.
    """
    shards = [sums for _, sums in counters]
    return _text(_added(shards), {SHARDS: [((), "", len(shards))]}, revision)


def instance_text(totals: Mapping[str, float], revision: str) -> bytes:
    """One process, from `Registry.totals`."""
    return _text(_added([totals]), {}, revision)


def _added(shards: Iterable[Mapping[str, float]]) -> dict[Series, float]:
    """Fields added up. Exactly rounded, so that the order of the shards cannot make a sum smaller."""
    parts: defaultdict[str, list[float]] = defaultdict(list)
    for sums in shards:
        for field, amount in sums.items():
            parts[field].append(amount)
    added: defaultdict[Series, float] = defaultdict(float)
    for field, amounts in parts.items():
        if series := Series.of(field):
            added[series] = math.fsum(amounts)
    return added


def _text(sums: Sums, gauges: Mapping[Metric, Samples], revision: str) -> bytes:
    from prometheus_client import CollectorRegistry, generate_latest

    samples: defaultdict[Metric, Samples] = defaultdict(list, gauges)
    samples[BUILD_INFO] = [((revision, platform.python_version()), "", 1)]
    for metric, its_sums in _by_metric(sums).items():
        samples[metric] = list(_samples(metric, its_sums))

    class Everything:
        def collect(self) -> Iterator["Family"]:
            for metric in TABLE.values():
                if metric in samples:
                    yield _family(metric, samples[metric])

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Everything())
    return generate_latest(registry)


def _by_metric(sums: Sums) -> dict[Metric, dict[Series, float]]:
    found: defaultdict[Metric, dict[Series, float]] = defaultdict(dict)
    for series, amount in sums.items():
        found[series.metric][series] = amount
    return found


def _samples(metric: Metric, sums: Sums) -> Iterator[tuple[tuple[str, ...], str, float]]:
    """(labels' values, what the sample's name ends in, value), sorted by labels."""
    if metric.kind == "histogram":
        for values in sorted({series.values for series in sums}):
            parts = {series.part: amount for series, amount in sums.items() if series.values == values}
            yield from _histogram(metric, values, parts)
        return
    for series in sorted(sums, key=lambda series: series.values):
        yield series.values, "", sums[series]


def _histogram(
    metric: Metric, values: tuple[str, ...], parts: Mapping[str, float]
) -> Iterator[tuple[tuple[str, ...], str, float]]:
    """Buckets are stored apart and shown cumulated. A bound that an older version had counts towards
    the next one of today."""
    counts = [0.0] * (len(metric.buckets) + 1)
    for part, amount in parts.items():
        if part != SUM:
            counts[bisect_left(metric.buckets, float(part))] += amount
    below = 0.0
    for bound, count in zip((*map(str, metric.buckets), "+Inf"), counts, strict=True):
        below += count
        yield (*values, bound), "_bucket", below
    yield values, "_count", below
    yield values, "_sum", parts.get(SUM, 0.0)


def _family(metric: Metric, samples: Samples) -> "Family":
    from prometheus_client import Metric as Family

    unit = f" Unit: {metric.unit}." if metric.unit else ""
    family = Family(metric.name.removesuffix("_total"), metric.help + unit, metric.kind)
    names = [label.name for label in metric.labels]
    for values, ending, value in samples:
        labels = dict(zip((*names, "le")[: len(values)], values, strict=True))
        family.add_sample(metric.name + ending, labels, value)
    return family
