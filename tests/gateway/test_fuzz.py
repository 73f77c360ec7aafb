"""schemathesis against the whole system: no 5xx, and no answer off its schema.

Two ways, both with a fixed seed. The first sends what the document forbids as well, to every operation. The
second sends what it allows, with the words of the settings put in, so that most of it is answered with data.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case
from schemathesis.checks import load_all_checks

from local.run import ROOT
from shared import openapi
from tests.gateway.conftest import System

SEED = 7
# Envoy 1.40 takes QUERY for no HTTP at all and says 400; every other method is a 405.
SETTINGS = """
[phases.coverage]
unexpected-methods = ["DELETE", "POST", "PUT", "PATCH", "TRACE"]
"""
CHOSEN: dict[str, Any] = {
    "start": "-24h",
    "end": "-1m",
    "bucket": ["gpt-runner-logs"],
    "prefix": ["trades/"],
    "collection": ["gpt_runner_trades"],
    "namespace": ["gpt"],
    "pod": ["paper-trader-*"],
    "container": ["paper-trader"],
    "regex": "a|e",
    "exclude": "zz",
}
GETS = [
    path
    for path, method, _ in openapi.operations(openapi.public())
    if method == "GET" and "{" not in path and path not in ("/logs/gcs/object", "/logs/firestore/document")
]


def test_nothing_that_is_sent_leads_off_the_contract(system: System, tmp_path: Path) -> None:
    """Thousands of good and bad requests: only documented statuses, types, headers and bodies; what the
    schema forbids is refused; without a token it is a 401."""
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    program = Path(sys.executable).with_name("st")
    command = [str(program), "--no-color", "--config-file", "schemathesis.toml", "run"]
    command += [
        f"http://127.0.0.1:{system.gateway}/openapi.json",
        "--seed",
        str(SEED),
        "--continue-on-failure",
    ]
    command += ["--header", f"Authorization: Bearer {system.token('admin')}", "--generation-database", "none"]
    command += [
        "--phases",
        "examples,coverage,fuzzing",
        "--max-examples",
        "4",
        "--no-shrink",
    ]
    # not_a_server_error is ours; a window whose parts do not fit is a 400 that no schema can express.
    command += ["--exclude-checks", "not_a_server_error,positive_data_acceptance"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.gateway.fuzz_hooks", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-1000:]
    generated = re.search(r"(\d+) generated", run.stdout)
    assert generated is not None
    assert int(generated[1]) > 3000


def tamed(case: "Case[Any]") -> "Case[Any]":
    """The same request with the settings' own words, so that it is about something that is there."""
    query = dict(case.query or {})
    query.pop("page_token", None)
    if "start" in query:
        query.pop("since", None)
    query.update({name: value for name, value in CHOSEN.items() if name in query})
    if "since" in query:
        query["since"] = "24h"
        query.pop("end", None)
    if "timeout" in query:
        query["timeout"] = max(5.0, float(query["timeout"]))
    case.query = query
    return case


@pytest.mark.parametrize("path", GETS)
def test_what_is_allowed_is_answered_as_promised(system: System, path: str) -> None:
    """Every combination of parameters that makes sense is a 200 of its schema."""
    load_all_checks()
    document = schemathesis.openapi.from_dict(openapi.public())
    role = "metrics" if path == "/metrics" else "viewer"
    headers = {"Authorization": f"Bearer {system.token(role)}"}
    statuses: Counter[int] = Counter()
    session = requests.Session()

    @seed(SEED)
    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=document[path]["GET"].as_strategy().map(tamed))
    def ask(case: "Case[Any]") -> None:
        response = case.call_and_validate(
            base_url=f"http://127.0.0.1:{system.gateway}", session=session, headers=headers
        )
        statuses[response.status_code] += 1

    with session:
        ask()

    assert statuses[200] == statuses.total(), statuses


def test_a_summary_is_answered_as_promised(system: System) -> None:
    """What is made, and what is read of it later, is of its schema."""
    load_all_checks()
    document = schemathesis.openapi.from_dict(openapi.public())
    base_url = f"http://127.0.0.1:{system.gateway}"
    headers = {"Authorization": f"Bearer {system.token('analyst')}"}

    asked = document["/logs/summary"]["POST"].Case(body={"since": "24h"}, media_type="application/json")
    made = asked.call_and_validate(base_url=base_url, headers=headers)
    stored = document["/logs/summary/{id}"]["GET"].Case(path_parameters={"id": made.json()["id"]})
    read = stored.call_and_validate(base_url=base_url, headers=headers)

    assert (made.status_code, read.status_code) == (200, 200), read.text
    assert read.json()["findings"] == made.json()["findings"] != []


def test_one_object_and_one_document_are_answered_as_promised(system: System) -> None:
    """What the listings name can be had, and is of its schema."""
    load_all_checks()
    document = schemathesis.openapi.from_dict(openapi.public())
    base_url = f"http://127.0.0.1:{system.gateway}"
    headers = {"Authorization": f"Bearer {system.token('admin')}"}
    listed = system.ask(system.gateway, "/logs/gcs/objects?page_size=1", headers).json["objects"][0]
    entry = system.ask(system.gateway, "/logs/firestore?page_size=1", headers).json["entries"][0]
    asked = {
        "/logs/gcs/object": {"name": listed["name"], "max_bytes": "20"},
        "/logs/firestore/document": {"path": entry["origin"]["path"]},
    }

    for path, query in asked.items():
        response = (
            document[path]["GET"].Case(query=query).call_and_validate(base_url=base_url, headers=headers)
        )
        assert response.status_code == 200, response.text
