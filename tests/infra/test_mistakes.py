"""Mistakes, planted in a copy of `infra/`, that the checks must find: else they prove nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.infra import policy
from tests.infra.everything import EVERYTHING
from tests.infra.firestore_indexes import Query, lacking
from tests.infra.policy import Rule
from tests.infra.terraform import INFRA, Configuration, Plan, TerraformRefused

PROD = INFRA / "env" / "prod.tfvars"
# The store's scan, as test_firestore.py records it.
SCAN = Query("log_aggregator_state", False, ("key",), (("key", "ASCENDING"),))


@dataclass(frozen=True)
class Mistake:
    """In a file, one text instead of another; `found` is a rule or what Terraform says."""

    file: str
    old: str
    new: str
    found: Rule | str


def indexes(plan: Plan) -> Iterator[str]:
    """The comparison of test_firestore.py, for the query that needs an index."""
    if sentence := lacking(SCAN, plan):
        yield sentence


SERVICE = "modules/function/service.tf"
MISTAKES = {
    "a misspelled argument": Mistake(
        SERVICE, "startup_cpu_boost", "startup_cpu_bost", "Unsupported argument"
    ),
    "a missing argument": Mistake(SERVICE, "  location = var.region", "", "Missing required argument"),
    "a call for everyone": Mistake(
        "functions.tf",
        "invokers = { gateway = google_service_account.gateway.member }",
        'invokers = { everyone = "allUsers" }',
        policy.nobody_is_everybody,
    ),
    "a second caller": Mistake(
        "functions.tf",
        "invokers = { gateway =",
        "invokers = { scheduler = google_service_account.scheduler.member, gateway =",
        policy.only_the_gateway_calls,
    ),
    "a tag": Mistake(
        "functions.tf",
        "= var.image",
        '= replace(var.image, "/@.*/", ":latest")',
        "The image must be named by its digest",
    ),
    "a missing index": Mistake(
        "firestore.tf",
        'indexes {\n      order       = "ASCENDING"\n      query_scope = "COLLECTION"\n    }',
        "",
        indexes,
    ),
    "a missing setting": Mistake(
        "settings.tf", ', "LOG_TIMEZONE"]', "]", "Take out of settings: LOG_TIMEZONE"
    ),
    "settings that a function does not get": Mistake(
        "functions.tf",
        '"limits", "auth", "gcs", "state"]',
        '"auth", "gcs", "state"]',
        policy.settings_as_read,
    ),
    "a short deadline": Mistake(
        "functions.tf", "timeout_s     = 40", "timeout_s     = 28", policy.deadlines_in_order
    ),
    "a function that outlasts its gateway": Mistake(
        "functions.tf", "deadline_s    = 25", "deadline_s    = 35", policy.deadlines_in_order
    ),
    "a gateway that does not wait for a summary": Mistake(
        "gateway/openapi.yaml.tftpl", "deadline: 65.0", "deadline: 56.0", policy.deadlines_in_order
    ),
    "a probe that ends a busy instance": Mistake(
        SERVICE, "timeout_seconds   = 60", "timeout_seconds   = 5", policy.probes_ask_the_shallow_route
    ),
    "a probe of a route that is not there": Mistake(
        SERVICE, '= "/health"', '= "/healthz"', policy.probes_ask_the_shallow_route
    ),
    "an API that may not be on yet": Mistake(
        "logging.tf", "depends_on = [google_project_service.apis]", "", policy.apis_before_use
    ),
    "functions before their APIs": Mistake(
        "functions.tf", "depends_on = [google_project_service.apis]", "", policy.apis_before_use
    ),
    "a shared account": Mistake(
        SERVICE,
        "= google_service_account.this.email",
        '= "shared@gpt-runner-prod.iam.gserviceaccount.com"',
        policy.accounts_of_their_own,
    ),
    "a plain secret": Mistake(
        "secrets.tf",
        '"projects/${var.project}/secrets/${local.secret_ids[name]}/versions/${version}"',
        '"correct-horse-battery-staple-${version}"',
        policy.secrets_by_reference,
    ),
    "a version of a secret that moves": Mistake(
        "secrets.tf", "/versions/${version}", "/versions/latest", policy.secrets_by_reference
    ),
    "a secret that its reader may not read": Mistake(
        "functions.tf",
        "name => local.secret_ids[name] if contains(",
        'name => local.secret_ids[name] if name != "CURSOR_KEY" && contains(',
        policy.secrets_by_reference,
    ),
    "an unpinned provider": Mistake("versions.tf", '"~> 6.50"', '">= 6"', policy.providers_are_pinned),
    "a route without security": Mistake(
        "gateway/openapi.yaml.tftpl",
        "      operationId: gcsEntries\n",
        "      operationId: gcsEntries\n      security: []\n",
        policy.routes_want_a_token,
    ),
    "a contract that is none": Mistake(
        "gateway/openapi.yaml.tftpl",
        "operationId: gcsEntries\n",
        "operationId: gcsObjects\n",
        policy.contract_holds,
    ),
    "a role that is all": Mistake(
        "functions.tf", '["roles/datastore.user"] : []', '["roles/editor"] : []', policy.least_roles
    ),
    "a role on every database": Mistake(
        "modules/function/grants.tf", 'resource.name == \\"', 'resource.type == \\"', policy.least_roles
    ),
    "a role that writes objects": Mistake(
        "functions.tf", "roles/storage.objectViewer", "roles/storage.objectAdmin", policy.least_roles
    ),
    "threads of another number": Mistake(
        SERVICE, "tostring(var.concurrency)", '"16"', policy.threads_are_concurrency
    ),
    "a job around the gateway": Mistake(
        "scheduler.tf",
        '"https://${google_api_gateway_gateway.this.default_hostname}/logs/summary"',
        '"${module.function["summary"].uri}/logs/summary"',
        policy.jobs_come_through_the_gateway,
    ),
    "a job with a token for another": Mistake(
        "scheduler.tf", "= var.jwt_audience", '= "https://elsewhere"', policy.jobs_come_through_the_gateway
    ),
}


@pytest.fixture(scope="module")
def right(infra: Configuration) -> dict[bool, Plan]:
    """Plans without a mistake, with Redis and without."""
    return {redis: infra.plan(PROD, **options(redis=redis)) for redis in (True, False)}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_found(copy: Configuration, right: dict[bool, Plan], name: str) -> None:
    """By the check that is named beside it."""
    mistake = MISTAKES[name]
    copy.replace(mistake.file, mistake.old, mistake.new)

    if isinstance(mistake.found, str):
        with pytest.raises(TerraformRefused, match=mistake.found):
            copy.plan(PROD, **options(redis=True))
    else:
        redis = mistake.found is not policy.least_roles  # with it, the roles of the state are not there
        found = set(mistake.found(copy.plan(PROD, **options(redis=redis))))
        assert found - set(mistake.found(right[redis])) != set()


def options(*, redis: bool) -> dict[str, object]:
    """Every option, and other numbers than the table's: so that one which is written twice shows."""
    tuned = {**EVERYTHING, "functions": {"gcs": {"concurrency": 12}}}
    return {name: value for name, value in tuned.items() if redis or name != "redis"}
