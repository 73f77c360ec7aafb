"""What must be true of every plan: each rule gives a sentence for each thing that breaks it.

Rules, not lists of resources: they hold for functions that do not exist yet.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from openapi_spec_validator import OpenAPIV30SpecValidator

from shared import openapi
from shared.endpoint import ALIVE
from shared.summary.model import MAX_MODEL_S
from shared.summary.service import TOTAL_S
from tests.infra.everything import SECRETS, read_by
from tests.infra.order import waits_for
from tests.infra.terraform import Plan, container, environment, template

Rule = Callable[[Plan], Iterator[str]]

# What the process wants beside the settings of its function.
FOR_THE_FRAMEWORK: Final = frozenset({"FUNCTION_TARGET", "FUNCTION_SOURCE", "THREADS"})
PUBLIC: Final = frozenset({"/health", "/openapi.json", "/docs"})
PROJECT_ROLES: Final = frozenset({"roles/datastore.user", "roles/datastore.viewer"})
BUCKET_ROLES: Final = frozenset({"roles/storage.objectViewer"})
_APIS: Final = "google_project_service.apis"
_EVERYONE: Final = frozenset({"allUsers", "allAuthenticatedUsers"})
_DIGEST: Final = re.compile(r".+@sha256:[0-9a-f]{64}")
_SECRET: Final = re.compile(r"projects/[^/]+/secrets/([a-z-]+)/versions/[1-9][0-9]*")
_JSON_SECRET: Final = re.compile(r"(?i)(?:sk-|xox[bp]-|hooks\.slack\.com|-----begin)")


def nobody_is_everybody(plan: Plan) -> Iterator[str]:
    """Every member is somebody, and no service switches the check of its callers off."""
    for one in plan.resources:
        members = {one.values.get("member"), *(one.values.get("members") or [])}
        if members & _EVERYONE:
            yield f"{one.address} is for everyone"
        if one.values.get("invoker_iam_disabled"):
            yield f"{one.address} lets everyone call"


def images_by_digest(plan: Plan) -> Iterator[str]:
    """What runs is what was tested."""
    for name, service in plan.services.items():
        if not _DIGEST.fullmatch(container(service)["image"]):
            yield f"{name} runs an image that is named by a tag"


def accounts_of_their_own(plan: Plan) -> Iterator[str]:
    """Each service runs as an account that this plan makes and no other service has."""
    made = {one.values["email"] for one in plan.of("service_account")}
    users: dict[str, list[str]] = {}
    for name, service in plan.services.items():
        users.setdefault(template(service).get("service_account") or "the default account", []).append(name)
    for account, names in users.items():
        if len(names) > 1 or account not in made:
            yield f"{', '.join(names)} run as {account}"


def only_the_gateway_calls(plan: Plan) -> Iterator[str]:
    """Each service has one invoker, the account that the gateway calls as."""
    [config] = plan.of("api_gateway_api_config")
    account = config.values["gateway_config"][0]["backend_config"][0]["google_service_account"]
    callers: dict[str, set[str]] = {service["name"]: set() for service in plan.services.values()}
    for grant in plan.of("cloud_run_v2_service_iam_member"):
        callers[grant.values["name"]].add(f"{grant.values['role']} {grant.values['member']}")
    for name, who in callers.items():
        if who != {f"roles/run.invoker serviceAccount:{account}"}:
            yield f"{name} may be called by {sorted(who)}"


def least_roles(plan: Plan) -> Iterator[str]:
    """On the project only what has no smaller place, and then under a condition; no role that is all."""
    for grant in plan.of("project_iam_member"):
        conditions = grant.values.get("condition") or []
        if grant.values["role"] not in PROJECT_ROLES:
            yield f"{grant.address} gives {grant.values['role']} on the project"
        elif [one for one in conditions if "resource.name ==" in one["expression"]] == []:
            yield f"{grant.address} is not narrowed to a resource"
    for grant in plan.of("storage_bucket_iam_member"):
        if grant.values["role"] not in BUCKET_ROLES:
            yield f"{grant.address} gives {grant.values['role']}"
    for one in plan.resources:
        if re.search(r"_iam_(binding|policy)$", one.kind):
            yield f"{one.address} would take others' grants away"


def deadlines_in_order(plan: Plan) -> Iterator[str]:
    """Model < function < gateway < Cloud Run < scheduler: who waits, waits longer than who works."""
    backends = plan.openapi["x-google-api-management"]["backends"]
    for name, service in plan.services.items():
        cloud_run = float(template(service)["timeout"].removesuffix("s"))
        gateway = float(backends[name]["deadline"]) if name in backends else None
        order = [own] if (own := longest_s(name, service)) else []
        order += [cloud_run] if gateway is None else [gateway, cloud_run]
        if name == "summary":
            jobs = [job.values["attempt_deadline"] for job in plan.of("cloud_scheduler_job")]
            order = [MAX_MODEL_S, *order, min(float(text.removesuffix("s")) for text in jobs)]
        if order != sorted(set(order)):
            yield f"{name} waits {order} s, from the inside out"


def longest_s(name: str, service: dict[str, Any]) -> float | None:
    """What a function gives itself for a request; a summary has a time of its own beside that for reading."""
    own = [float(text)] if (text := environment(service).get("REQUEST_DEADLINE_S")) else []
    return max([*own, TOTAL_S] if name == "summary" else own, default=None)


def probes_ask_the_shallow_route(plan: Plan) -> Iterator[str]:
    """At the start often, later patiently: a busy instance answers when its slowest request has ended."""
    for name, service in plan.services.items():
        for kind in ("startup_probe", "liveness_probe"):
            for probe in container(service)[kind] or [{"http_get": []}]:
                if [get["path"] for get in probe["http_get"]] != [ALIVE]:
                    yield f"{name} has no {kind} of {ALIVE}"
        [liveness] = container(service)["liveness_probe"] or [{"timeout_seconds": 0, "period_seconds": 0}]
        if not (longest_s(name, service) or 0.0) < liveness["timeout_seconds"] <= liveness["period_seconds"]:
            yield f"{name} is taken away while all its threads are busy"


def apis_before_use(plan: Plan) -> Iterator[str]:
    """Whatever is made waits until the project's APIs are on: by what it names, or by saying so."""
    for address, before in waits_for(plan).items():
        if not address.startswith("google_project_service.") and _APIS not in before:
            yield f"{address} does not wait for its API"


def secrets_by_reference(plan: Plan) -> Iterator[str]:
    """A secret setting names a version; its value is nowhere in the plan, and its reader may read it."""
    for name, service in plan.services.items():
        account = template(service).get("service_account")
        for variable, value in environment(service).items():
            found = _SECRET.fullmatch(value)
            if variable in SECRETS and not found:
                yield f"{name} has the plain value of {variable}"
            elif found and not _may_read(plan, account, found[1]):
                yield f"{name} may not read {variable}"
            elif not found and _JSON_SECRET.search(value):
                yield f"{name} has something like a secret in {variable}"
    for one in plan.of("secret_manager_secret_version"):
        yield f"{one.address} puts a value into the state"


def _may_read(plan: Plan, account: Any, secret: str) -> bool:
    return any(
        grant.values["secret_id"] == secret and grant.values["member"] == f"serviceAccount:{account}"
        for grant in plan.of("secret_manager_secret_iam_member")
    )


def settings_as_read(plan: Plan) -> Iterator[str]:
    """With everything set, each service has what its function reads, and no more. Not one of RULES."""
    for name, service in plan.services.items():
        given = environment(service).keys() - FOR_THE_FRAMEWORK
        if lost := read_by(name) - given:
            yield f"{name} lacks {', '.join(sorted(lost))}"
        if idle := given - read_by(name):
            yield f"{name} does not read {', '.join(sorted(idle))}"


def threads_are_concurrency(plan: Plan) -> Iterator[str]:
    """As many requests as threads, at least none and at most some instances, and it starts quickly."""
    for name, service in plan.services.items():
        revision, one = template(service), container(service)
        threads = int(environment(service)["THREADS"])
        if revision["max_instance_request_concurrency"] != threads:
            yield f"{name} has {threads} threads for other than as many requests"
        if environment(service)["FUNCTION_SOURCE"] != f"functions/{name}/main.py":
            yield f"{name} starts another function's file"
        [scaling] = revision["scaling"]
        if scaling["min_instance_count"] != 0 or not 1 <= (scaling["max_instance_count"] or 0) <= 100:
            yield f"{name} scales {scaling}"
        if not one["resources"][0]["startup_cpu_boost"]:
            yield f"{name} has no boost at its start"


def contract_holds(plan: Plan) -> Iterator[str]:
    """The document is valid OpenAPI, and each operation leads to a function that is deployed."""
    document = plan.openapi
    for error in OpenAPIV30SpecValidator(document).iter_errors():  # type: ignore[no-untyped-call, unused-ignore]
        yield f"the contract is not OpenAPI: {error.message[:200]}"
    backends = document["x-google-api-management"]["backends"]
    if set(backends) != set(plan.services):
        yield f"the gateway knows {sorted(backends)}, deployed are {sorted(plan.services)}"
    for path, method, operation in openapi.operations(document):
        if operation.get("x-google-backend") not in backends:
            yield f"{method} {path} leads nowhere"


def routes_want_a_token(plan: Plan) -> Iterator[str]:
    """Every route but the public ones, and preflights, which browsers send without one."""
    document = plan.openapi
    schemes = document["components"]["securitySchemes"]
    for path, method, operation in openapi.operations(document):
        security = operation.get("security", document.get("security", []))
        wanted = [name for either in security for name in either]
        if method != "OPTIONS" and path not in PUBLIC and (not wanted or {} in security):
            yield f"{method} {path} wants no token"
        if lost := set(wanted) - set(schemes):
            yield f"{method} {path} names the scheme {lost}, which is not there"
    for name, scheme in schemes.items():
        if not all(scheme["x-google-auth"].get(key) for key in ("issuer", "jwksUri", "audiences")):
            yield f"the scheme {name} has no issuer, keys or audience"


def jobs_come_through_the_gateway(plan: Plan) -> Iterator[str]:
    """A job shows the scheduler's own token, for the audience that the gateway checks."""
    [gateway] = plan.of("api_gateway_gateway")
    address = f"https://{gateway.values['default_hostname']}/logs/summary"
    google = plan.openapi["components"]["securitySchemes"]["google"]["x-google-auth"]
    if not plan.of("cloud_scheduler_job"):
        yield "nothing is scheduled"
    for job in plan.of("cloud_scheduler_job"):
        [target] = job.values["http_target"]
        [token] = target.get("oidc_token") or [{}]
        if target["uri"] != address or target["http_method"] != "POST":
            yield f"{job.address} asks {target['uri']}"
        if token.get("audience") not in google["audiences"]:
            yield f"{job.address} has a token for {token.get('audience')}"
        if f"serviceAccount:{token.get('service_account_email')}" not in _bound(plan, "scheduler"):
            yield f"{job.address} comes as nobody with the role scheduler"


def _bound(plan: Plan, role: str) -> set[str]:
    """Who every function binds to a role."""
    bound = [
        set(json.loads(environment(service)["ROLE_BINDINGS"]).get(role, []))
        for service in plan.services.values()
    ]
    return set.intersection(*bound)


def providers_are_pinned(plan: Plan) -> Iterator[str]:
    """A minor version that was read, in every module that names one."""
    for name, provider in plan.told["configuration"]["provider_config"].items():
        if not re.fullmatch(r"~> \d+\.\d+", provider.get("version_constraint", "")):
            yield f"{name} is pinned to {provider.get('version_constraint')!r}"


RULES: Final[tuple[Rule, ...]] = (
    nobody_is_everybody,
    images_by_digest,
    accounts_of_their_own,
    only_the_gateway_calls,
    least_roles,
    deadlines_in_order,
    secrets_by_reference,
    threads_are_concurrency,
    probes_ask_the_shallow_route,
    apis_before_use,
    contract_holds,
    routes_want_a_token,
    jobs_come_through_the_gateway,
    providers_are_pinned,
)
