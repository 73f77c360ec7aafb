"""Every metric there is: name, kind, unit, labels, help. What is not here cannot be counted.

Label values are few and ours, never a caller's: a route is a declared path or `other`, and a value that
is not in a label's list counts as `other`. A metric whose labels or meaning change gets a new name: the
sums of the old one stay in the store under theirs.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

PREFIX: Final = "log_aggregator_"
OTHER: Final = "other"

Kind = Literal["counter", "gauge", "histogram"]


class UndeclaredMetric(Exception):
    """A metric or a label that the table does not have: a mistake in the code that counts."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label, and its values where they are known here; others count as `other`."""

    name: str
    values: frozenset[str] | None = None

    def bounded(self, value: str) -> str:
        """The value, or `other`."""
        return value if self.values is None or value in self.values else OTHER


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric. `buckets` of a histogram are upper bounds, inclusive, without the infinite one."""

    name: str
    kind: Kind
    unit: str
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    label_names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "label_names", frozenset(label.name for label in self.labels))

    def values(self, given: dict[str, str]) -> tuple[str, ...]:
        """The values of its labels, in their order. Raises: UndeclaredMetric."""
        if given.keys() != self.label_names:
            raise UndeclaredMetric(
                f"{self.name} has the labels {sorted(self.label_names)}, not {sorted(given)}"
            )
        return tuple([label.bounded(given[label.name]) for label in self.labels])


_FUNCTION: Final = Label("function")
_ROUTE: Final = Label("route")
_STATUS: Final = Label("status", frozenset(str(code) for code in range(100, 600)))
_SOURCE: Final = Label("source", frozenset({"gcs", "firestore", "pods"}))
_AUTH_REASONS: Final = frozenset(
    {
        "bad_claim",
        "bad_signature",
        "email_not_verified",
        "expired",
        "malformed_header",
        "malformed_token",
        "missing_claim",
        "missing_token",
        "not_yet_valid",
        "refused_header",
        "token_too_long",
        "unknown_issuer",
        "unknown_key",
        "unreadable_token",
        "wrong_algorithm",
        "wrong_audience",
        "wrong_type",
    }
)
_STORE_OPERATIONS: Final = frozenset(
    {"get", "set", "create", "increment", "counter", "scan", "counters", "delete"}
)
# Why a model's answer was not used.
MODEL_REASONS: Final = frozenset(
    {
        "bad_answer",
        "cut",
        "gave_up",
        "over_limit",
        "rate_limited",
        "refused",
        "rejected",
        "timeout",
        "too_large",
        "unreachable",
        "unverified",
    }
)
# From a cached answer to the slowest summary; the defaults of client libraries end at 10 s.
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)

REQUESTS: Final = Metric(
    PREFIX + "requests_total", "counter", "requests", "Requests answered.", (_FUNCTION, _ROUTE, _STATUS)
)
REQUEST_DURATION: Final = Metric(
    PREFIX + "request_duration_seconds",
    "histogram",
    "seconds",
    "Time from a request's arrival in the function to its answer.",
    (_FUNCTION, _ROUTE),
    _SECONDS,
)
COLD_STARTS: Final = Metric(
    PREFIX + "cold_starts_total",
    "counter",
    "processes",
    "Processes that served a first request.",
    (_FUNCTION,),
)
UPSTREAM_CALLS: Final = Metric(
    PREFIX + "upstream_calls_total", "counter", "calls", "Calls made to a source.", (_SOURCE,)
)
UPSTREAM_ERRORS: Final = Metric(
    PREFIX + "upstream_errors_total",
    "counter",
    "errors",
    "Sources that failed a request, by the error's code.",
    (_SOURCE, Label("code", frozenset({"source_failed", "source_misconfigured", "source_timeout"}))),
)
SCANNED_BYTES: Final = Metric(
    PREFIX + "scanned_bytes_total", "counter", "bytes", "Bytes read of a source, decompressed.", (_SOURCE,)
)
SCANNED_OBJECTS: Final = Metric(
    PREFIX + "scanned_objects_total", "counter", "objects", "Objects read of a source.", (_SOURCE,)
)
SCANNED_DOCUMENTS: Final = Metric(
    PREFIX + "scanned_documents_total", "counter", "documents", "Documents read of a source.", (_SOURCE,)
)
CACHE_RESULTS: Final = Metric(
    PREFIX + "cache_results_total",
    "counter",
    "answers",
    "Answers by what the cache had to do with them.",
    (_FUNCTION, Label("result", frozenset({"hit", "miss", "stale", "bypass"}))),
)
RATE_LIMITED: Final = Metric(
    PREFIX + "rate_limited_total",
    "counter",
    "requests",
    "Requests refused by a rate limit.",
    (_FUNCTION, Label("class", frozenset({"read", "summary", "auth_failure"}))),
)
AUTH_FAILURES: Final = Metric(
    PREFIX + "auth_failures_total",
    "counter",
    "requests",
    "Requests without a valid token, by reason.",
    (Label("reason", _AUTH_REASONS),),
)
SUMMARIES: Final = Metric(
    PREFIX + "summaries_total",
    "counter",
    "summaries",
    "Summaries made, by model or `rules`.",
    (Label("generator"),),
)
MODEL_TOKENS: Final = Metric(
    PREFIX + "model_tokens_total",
    "counter",
    "tokens",
    "Tokens that models read and wrote.",
    (Label("kind", frozenset({"prompt", "completion"})),),
)
MODEL_COST: Final = Metric(
    PREFIX + "model_cost_usd_total", "counter", "US dollars", "What models cost, by the configured prices."
)
CLAIMS_DROPPED: Final = Metric(
    PREFIX + "claims_dropped_total",
    "counter",
    "claims",
    "Claims of models that did not survive verification.",
)
MODEL_FAILURES: Final = Metric(
    PREFIX + "model_failures_total",
    "counter",
    "summaries",
    "Summaries that the rules wrote because no model's answer could be used, by reason.",
    (Label("reason", MODEL_REASONS),),
)
DELIVERIES: Final = Metric(
    PREFIX + "deliveries_total",
    "counter",
    "attempts",
    "Attempts to deliver a summary, by what became of it.",
    (
        Label("target", frozenset({"slack", "webhook"})),
        Label("state", frozenset({"delivered", "pending", "failed"})),
    ),
)
STORE_ERRORS: Final = Metric(
    PREFIX + "store_errors_total",
    "counter",
    "calls",
    "Calls of the state store that failed, or were not made because it was down.",
    (Label("store", frozenset({"firestore", "redis", "sqlite"})), Label("operation", _STORE_OPERATIONS)),
)
FOLDS_DROPPED: Final = Metric(
    PREFIX + "metrics_folds_dropped_total",
    "counter",
    "writes",
    "Writes of these counters whose outcome is unknown: they were not repeated, so sums may be too low.",
    (_FUNCTION,),
)
BUILD_INFO: Final = Metric(
    PREFIX + "build_info",
    "gauge",
    "",
    "Always 1; the labels say what answers.",
    (Label("revision"), Label("python")),
)
SHARDS: Final = Metric(
    PREFIX + "metrics_shards", "gauge", "counters", "Counters of the state store that these sums are made of."
)

TABLE: Final[dict[str, Metric]] = {
    metric.name: metric
    for metric in (
        REQUESTS,
        REQUEST_DURATION,
        COLD_STARTS,
        UPSTREAM_CALLS,
        UPSTREAM_ERRORS,
        SCANNED_BYTES,
        SCANNED_OBJECTS,
        SCANNED_DOCUMENTS,
        CACHE_RESULTS,
        RATE_LIMITED,
        AUTH_FAILURES,
        SUMMARIES,
        MODEL_TOKENS,
        MODEL_COST,
        CLAIMS_DROPPED,
        MODEL_FAILURES,
        DELIVERIES,
        STORE_ERRORS,
        FOLDS_DROPPED,
        BUILD_INFO,
        SHARDS,
    )
}
