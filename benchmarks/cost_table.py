"""The table of docs/operations.md: what a month costs, from benchmarks/results/costs.json and a price list.

Every assumption that is no measurement stands here, as a constant with its reason; where one had to be made,
the dearer was taken. `python benchmarks/cost_table.py` writes the tables into the page.
"""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "benchmarks/results/costs.json"
PAGE: Final = ROOT / "docs/operations.md"
PRICES_OF: Final = "2025-09"
"""When the pages below said so. Check them before you rely on a sum."""


class Sku(NamedTuple):
    """Dollars for one unit, and how many units a month cost nothing."""

    dollars: float
    free: float
    source: str


_RUN: Final = "https://cloud.google.com/run/pricing"
_FIRESTORE: Final = "https://cloud.google.com/firestore/pricing"
_STORAGE: Final = "https://cloud.google.com/storage/pricing"
_OBSERVE: Final = "https://cloud.google.com/stackdriver/pricing"
DAYS: Final = 30.0

PRICES: Final[dict[str, Sku]] = {
    # asia-south1 is a region of tier 2; the free allotment is worth as much at tier 1 prices.
    "vcpu_s": Sku(0.0000336, 180_000 * 0.000024 / 0.0000336, _RUN),
    "gib_s": Sku(0.0000035, 360_000 * 0.0000025 / 0.0000035, _RUN),
    "run_request": Sku(0.40e-6, 2e6, _RUN),
    "gateway_call": Sku(3.00e-6, 2e6, "https://cloud.google.com/api-gateway/pricing"),
    "internet_gb": Sku(0.19, 0, "https://cloud.google.com/api-gateway/pricing"),  # of its regions the dearest
    "between_regions_gb": Sku(0.08, 0, "https://cloud.google.com/vpc/network-pricing"),
    # Of a multi-region: one region costs less.
    "document_read": Sku(0.06e-5, 50_000 * DAYS, _FIRESTORE),
    "document_write": Sku(0.18e-5, 20_000 * DAYS, _FIRESTORE),
    "document_ttl_delete": Sku(0.02e-5, 0, _FIRESTORE),
    "storage_class_a": Sku(0.05e-4, 0, _STORAGE),
    "storage_class_b": Sku(0.004e-4, 0, _STORAGE),
    "log_gib": Sku(0.50, 50, _OBSERVE),
    "logging_read": Sku(0, 0, _OBSERVE),
    "uptime_check": Sku(0.30e-3, 1e6, _OBSERVE),
    "alert_condition": Sku(1.50, 0, _OBSERVE),  # announced; not charged at that date, like the next
    "alert_series": Sku(0.35e-6, 0, _OBSERVE),
    "metric_mib": Sku(0.258, 150, _OBSERVE),
    "scheduler_job": Sku(0.10, 3, "https://cloud.google.com/scheduler/pricing"),
    "secret_version": Sku(0.06, 6, "https://cloud.google.com/secret-manager/pricing"),
    "secret_access": Sku(0.03e-4, 10_000, "https://cloud.google.com/secret-manager/pricing"),
    "image_gb": Sku(0.10, 0.5, "https://cloud.google.com/artifact-registry/pricing"),
    "model_dollar": Sku(1.0, 0, "https://openai.com/api/pricing"),
}

# What is asked: gcs, firestore and pods 2 : 1 : 2, and every second question is in the cache.
MIX: Final = {"gcs": 0.4, "firestore": 0.2, "pods": 0.4}
CACHED: Final = 0.5
WAIT_S: Final = {"uncached": 0.3, "cached": 0.05, "plain": 0.0, "summary": 10.0}
"""What a request waits for real services, beyond the time measured against some on the same machine. For a
summary it is mostly the model's, which was not measured."""
BILLING_STEP_S: Final = 0.1
COLD_START_S: Final = 2.0
COLD_STARTS: Final = 3 * 4 * 24 * DAYS
"""At most: three functions, whose instances end after a quarter of an hour without a request."""
IDLE_S: Final = 900.0
PLATFORM_LOG_BYTES: Final = 2_500
"""The lines that Cloud Run and the gateway write of a request: a kilobyte or so each, not measured."""
SOURCE_GIB: Final = 1.0  # infra/functions.tf; each function has one vCPU
SMALL_GIB: Final = 0.5
SUMMARY_GIB: Final = 2.0
FOLD_WRITES: Final = 1.0
"""A request's own write of its counts, when requests are more than ten seconds apart."""
MONTH_S: Final = DAYS * 86_400
UPTIME_PERIOD_S: Final = 600.0  # infra/monitoring.tf
UPTIME_REGIONS: Final = 3
PROBE_PERIOD_S: Final = 60.0  # infra/modules/function
ALERTS: Final = 6  # infra/monitoring.tf
ALERT_PERIOD_S: Final = 60.0
ALERT_SERIES: Final = 10
"""That the alerts look at each time: of five functions' latencies one each, else one for each alert."""
FLEET_SERIES: Final = 10
"""Containers whose lines are counted, a point of eight bytes a minute each."""
SECRETS: Final = 6  # infra/secrets.json
JOBS: Final = {
    "morning": ("summary_day", 4.3 * 4),
    "morning-after-weekend": ("summary_day", 4.3),
    "evening": ("summary_day", 4.3 * 5),
    "errors": ("summary_hour", 24 * DAYS),
}
"""The schedules of shared/summary/schedules.json: what was measured that is like it, and its runs a month."""
SUMMARY_DOLLARS: Final = (4000 * 0.15 + 1000 * 0.60) / 1e6
"""The whole prompt budget and the longest answer, at gpt-4o-mini's price."""
SCRAPE_PERIOD_S: Final = 30.0
IMAGES_GB: Final = 1.0
"""Twenty images that share their base and their packages (126 MB unpacked, tests/image)."""

Usage = Counter[str]


def run_s(case: dict[str, Any], kind: str) -> float:
    """Seconds of an instance that a request is billed, when no other runs beside it."""
    spent = float(max(case["elapsed_s"], case["cpu_s"])) + WAIT_S[kind]
    return math.ceil(round(spent / BILLING_STEP_S, 6)) * BILLING_STEP_S


def requests(case: dict[str, Any], number: float, kind: str, gib: float) -> Usage:
    """What so many requests through the gateway use, without what they read."""
    seconds = run_s(case, kind) * number
    size = case["response_bytes"] * number / 1e9
    return Counter(
        {
            "vcpu_s": seconds,
            "gib_s": seconds * gib,
            "run_request": number,
            "gateway_call": number,
            "internet_gb": size,
            "between_regions_gb": size,
            "log_gib": (case["log_bytes"] + PLATFORM_LOG_BYTES) * number / 2**30,
        }
    )


def stores(case: dict[str, Any], number: float, fold_writes: float = 0.0) -> Usage:
    """What so many requests read and write elsewhere; all that is written to the state store is deleted."""
    writes = case["firestore_writes"] + fold_writes
    return Counter(
        {
            "document_read": case["firestore_reads"] * number,
            "document_write": writes * number,
            "document_ttl_delete": case["firestore_writes"] * number,
            "storage_class_a": case["storage_class_a"] * number,
            "storage_class_b": case["storage_class_b"] * number,
            "logging_read": case["logging_calls"] * number,
        }
    )


def queries(results: dict[str, Any], number: float) -> Usage:
    """So many questions of the mix, and the cold starts that they may meet."""
    used: Usage = Counter()
    for source, share in MIX.items():
        for kind, part in (("cached", CACHED), ("uncached", 1 - CACHED)):
            case, asked = results[f"{source}_{kind}"], number * share * part
            used += requests(case, asked, kind, SOURCE_GIB) + stores(case, asked, FOLD_WRITES)
    cold = min(number, COLD_STARTS) * COLD_START_S
    used += Counter({"vcpu_s": cold, "gib_s": cold * SOURCE_GIB, "secret_access": min(number, COLD_STARTS)})
    return used + probes(min(number * IDLE_S, len(MIX) * MONTH_S), SOURCE_GIB)


def probes(alive_s: float, gib: float) -> Usage:
    """The liveness probes of instances that are there so many seconds."""
    seconds = alive_s / PROBE_PERIOD_S * BILLING_STEP_S
    return Counter({"vcpu_s": seconds, "gib_s": seconds * gib})


def idle(results: dict[str, Any]) -> dict[str, Usage]:
    """What is there when nobody asks, by what it is."""
    checks = MONTH_S / UPTIME_PERIOD_S * UPTIME_REGIONS
    summaries = sum(runs for _, runs in JOBS.values())
    jobs = Counter({"scheduler_job": float(len(JOBS))})
    for name, runs in JOBS.values():
        jobs += requests(results[name], runs, "summary", SUMMARY_GIB) + stores(
            results[name], runs, FOLD_WRITES
        )
    return {
        f"uptime check, each {UPTIME_PERIOD_S:.0f} s from {UPTIME_REGIONS} places": requests(
            results["health"], checks, "plain", SMALL_GIB
        )
        + Counter({"uptime_check": checks}),
        (
            f"liveness probes, each {PROBE_PERIOD_S:.0f} s: of `health`, which the uptime check keeps running"
            ", and of `summary` after each job"
        ): probes(MONTH_S, SMALL_GIB) + probes(summaries * IDLE_S, SUMMARY_GIB),
        f"{len(JOBS)} scheduled jobs, {summaries:.0f} summaries": jobs,
        "the model, if there is a key": Counter({"model_dollar": summaries * SUMMARY_DOLLARS}),
        f"{ALERTS} alerts (announced price)": Counter(
            {"alert_condition": float(ALERTS), "alert_series": ALERT_SERIES * MONTH_S / ALERT_PERIOD_S}
        ),
        f"counting the lines of {FLEET_SERIES} containers": Counter(
            {"metric_mib": FLEET_SERIES * MONTH_S / 60 * 8 / 2**20}
        ),
        f"{SECRETS} secrets, images": Counter({"secret_version": SECRETS, "image_gb": IMAGES_GB}),
    }


PARTS: Final = {
    "instances (Cloud Run)": ("vcpu_s", "gib_s", "run_request"),
    "gateway calls": ("gateway_call",),
    "Firestore documents": ("document_read", "document_write", "document_ttl_delete"),
    "Cloud Storage: lists (class A)": ("storage_class_a",),
    "Cloud Storage: reads (class B)": ("storage_class_b",),
    "Cloud Logging: reading": ("logging_read",),
    "log lines, Cloud Run's and the gateway's too": ("log_gib",),
    "bytes to callers": ("internet_gb", "between_regions_gb"),
    "secrets at cold starts": ("secret_access",),
}


def dollars(used: Usage, *, free: bool = False) -> float:
    """The price of a month's usage, `free`: after what each month is free."""
    return sum(max(0.0, n - PRICES[sku].free * free) * PRICES[sku].dollars for sku, n in used.items())


COLUMNS: Final = (0, 1_000, 1_000_000)


def table(results: dict[str, Any]) -> str:
    """The table in Markdown: dollars a month for each column of queries."""
    standing = idle(results)
    asked = [queries(results, number) for number in COLUMNS]
    always = sum(standing.values(), Counter())
    lines = ["| Dollars a month | idle | 1,000 queries | 1,000,000 queries |", "|---|--:|--:|--:|"]
    lines += [_row(name, [dollars(used)] * len(COLUMNS)) for name, used in standing.items()]
    for name, skus in PARTS.items():
        of_it = [Counter({sku: used[sku] for sku in skus}) for used in asked]
        lines.append(_row(f"queries: {name}", [dollars(used) for used in of_it]))
    lines.append(_row("**sum at list price**", [dollars(used + always) for used in asked]))
    lines.append(_row("**after the free allotments**", [dollars(used + always, free=True) for used in asked]))
    return "\n".join(lines)


def inputs(results: dict[str, Any]) -> str:
    """The measured inputs in Markdown: means per request."""
    lines = [
        "| Per request | CPU s | billed s | bytes out | log bytes | read | written | lists | gets | calls |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, case in results.items():
        kind = (
            "summary" if name.startswith("summary") else name.rpartition("_")[2] if "_" in name else "plain"
        )
        lines.append(
            f"| {name.replace('_', ', ')} | {case['cpu_s']:.4f} | {run_s(case, kind):.1f} "
            f"| {case['response_bytes']:,.0f} | {case['log_bytes']:,.0f} | {case['firestore_reads']:.1f} "
            f"| {case['firestore_writes']:.1f} | {case['storage_class_a']:.1f} "
            f"| {case['storage_class_b']:.1f} | {case['logging_calls']:.1f} |"
        )
    return "\n".join(lines)


def scraping(results: dict[str, Any]) -> str:
    """What Prometheus costs, which is not in the table."""
    scrapes = MONTH_S / SCRAPE_PERIOD_S
    used = requests(results["metrics"], scrapes, "plain", SMALL_GIB) + stores(results["metrics"], scrapes)
    return f"A scrape each {SCRAPE_PERIOD_S:.0f} s costs ${dollars(used):.2f} a month at list price."


def written(page: str, results: dict[str, Any]) -> str:
    """The page with its tables as they are now, each between `<!-- costs: NAME -->` and its end mark."""
    for name, text in (("inputs", inputs), ("month", table), ("scraping", scraping)):
        begin, end = f"<!-- costs: {name} -->", "<!-- end -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{text(results)}\n{end}{rest.partition(end)[2]}"
    return page


def _row(name: str, sums: list[float]) -> str:
    return f"| {name} | " + " | ".join(f"{one:,.2f}" for one in sums) + " |"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(), json.loads(RESULTS.read_text())))
