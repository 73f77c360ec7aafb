"""The deployment table against the code: functions, settings, schedules."""

import base64
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from shared import wiring
from shared.limits import client_address
from tests.infra.everything import ALL_SETTINGS, EVERYTHING, KNOWN, SECRETS, read_by
from tests.infra.policy import settings_as_read
from tests.infra.terraform import INFRA, ROOT, Configuration, Plan, environment

FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/main.py"))
PROD = INFRA / "env" / "prod.tfvars"


def test_a_row_for_each_folder(prod: Plan) -> None:
    """What is deployed is what is under functions/, and the wiring knows it."""
    assert sorted(prod.services) == FUNCTIONS == sorted(wiring.SETTINGS)


def test_a_service_has_exactly_the_settings_that_its_function_reads(everything: Plan) -> None:
    """With everything set, none is missing and none is there for nothing."""
    assert list(settings_as_read(everything)) == []


@pytest.fixture(scope="module")
def table(infra: Configuration) -> dict[str, Any]:
    """What the configuration knows of settings before anything is planned."""
    known: dict[str, Any] = infra.value(
        "{rows = local.row_settings, plain = local.plain_settings, known = keys(local.known_settings)}", PROD
    )
    return known


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_table_names_exactly_the_settings_that_a_function_reads(
    table: dict[str, Any], function: str
) -> None:
    """A name that no function reads any more is an error, too."""
    assert sorted(table["rows"][function]) == sorted(read_by(function))


def test_every_setting_is_known_secret_or_plain(table: dict[str, Any]) -> None:
    """What the operator may set is what is left when Terraform has set what it knows."""
    assert {*table["known"], "REQUEST_DEADLINE_S"} == KNOWN
    assert set(table["plain"]) == ALL_SETTINGS - KNOWN - set(SECRETS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_starts_with_the_environment_that_is_planned(prod: Plan, function: str) -> None:
    """Its module is imported with these variables and no others: settings are checked then."""
    given = environment(prod.services[function])
    started = subprocess.run(
        [sys.executable, "-c", "import os, runpy; runpy.run_path(os.environ['FUNCTION_SOURCE'])"],
        cwd=ROOT,
        env={**given, "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (started.returncode, started.stderr) == (0, "")


def test_what_is_not_set_is_not_there(prod: Plan) -> None:
    """An option that is off leaves no empty variable behind."""
    given = environment(prod.services["gcs"])

    assert "" not in given.values()
    assert "REDIS_URL" not in given
    assert given["GCS_BUCKET_NAME"] == "gpt-runner-prod-logs"


def test_callers_are_told_apart_behind_the_gateway(prod: Plan, everything: Plan) -> None:
    """The socket is always Google's: with its address, one caller without a token would lock everyone out.
    What `settings` say goes before."""
    for plan, hops in ((prod, "2"), (everything, EVERYTHING["settings"]["TRUSTED_PROXY_HOPS"])):
        for name, service in plan.services.items():
            assert environment(service).get("TRUSTED_PROXY_HOPS") == (None if name == "health" else hops)


@pytest.mark.parametrize("forwarded", ["203.0.113.7,2600:1900:2000:91::", "6.6.6.6, 203.0.113.7, 34.1.2.3"])
def test_the_callers_address_is_the_one_before_the_gateways(prod: Plan, forwarded: str) -> None:
    """As Cloud Run behind a gateway gets it, and with what a caller has made up before it."""
    hops = int(environment(prod.services["gcs"])["TRUSTED_PROXY_HOPS"])

    assert client_address("169.254.1.1", forwarded, hops) == "203.0.113.7"


def test_schedules_are_those_of_the_code(prod: Plan) -> None:
    """A job for each of shared/summary/schedules.json; a target that is not configured is left out."""
    file = ROOT / "shared" / "summary" / "schedules.json"
    wanted = {one["name"]: one for one in json.loads(file.read_text())}
    jobs = {
        job.values["name"].removeprefix("log-aggregator-summary-"): job.values
        for job in prod.of("cloud_scheduler_job")
    }

    assert jobs.keys() == wanted.keys()
    for name, job in jobs.items():
        body = json.loads(base64.b64decode(job["http_target"][0]["body"]))
        assert (job["schedule"], job["time_zone"]) == (wanted[name]["cron"], "Asia/Kolkata")
        assert body == {**wanted[name]["request"], "deliver": []}


def test_a_configured_target_is_delivered_to(everything: Plan) -> None:
    """With its secret, the target stays."""
    bodies = [
        json.loads(base64.b64decode(job.values["http_target"][0]["body"]))
        for job in everything.of("cloud_scheduler_job")
    ]

    assert {tuple(body["deliver"]) for body in bodies} == {("slack",)}


def test_each_function_gets_the_roles_it_reads_with(prod: Plan) -> None:
    """Objects for those that read objects, the view for those that read lines, and nothing for the others."""

    def who(*kinds: str) -> set[str]:
        members = {grant.values["member"].partition("@")[0] for grant in prod.of(*kinds)}
        return {member.removeprefix("serviceAccount:log-aggregator-") for member in members}

    assert who("storage_bucket_iam_member") == {"gcs", "health", "summary"}
    assert who("logging_log_view_iam_member") == {"pods", "health", "summary"}


def test_the_state_in_redis_takes_the_right_to_write_documents_away(everything: Plan) -> None:
    """Then nobody writes to Firestore, and only readers of documents read it."""
    roles = {(grant.values["role"], grant.values["member"]) for grant in everything.of("project_iam_member")}

    assert {role for role, _ in roles} == {"roles/datastore.viewer"}
    assert len(roles) == 3


def test_the_environments_differ_in_their_projects() -> None:
    """Two environments in one project would have the same names."""
    files = {file.stem: file.read_text() for file in (INFRA / "env").glob("*.tfvars")}
    projects = {stem: re.findall(r"^project\s+= (.*)$", text, re.MULTILINE) for stem, text in files.items()}

    assert files.keys() == {"dev", "prod"}
    assert projects["dev"] != projects["prod"]
    assert [len(found) for found in projects.values()] == [1, 1]
