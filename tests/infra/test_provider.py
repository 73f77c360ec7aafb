"""The schema provider: what it has read of the package is what the provider's documentation says."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infra.offline.install import HOME
from tests.infra.offline.schemas import Source, UnreadableSchema
from tests.infra.terraform import ROOT, Configuration, TerraformRefused


@pytest.fixture
def schema(infra: Configuration) -> dict[str, Any]:
    """The newest schema of the google provider that was read."""
    assert infra
    files = [file for file in HOME.glob("schema-google-*.json") if "beta" not in file.name]
    newest = max(files, key=lambda file: file.stat().st_mtime)
    return dict(json.loads(newest.read_text())["resource"])


def test_flags_types_and_blocks_are_read(schema: dict[str, Any]) -> None:
    """Spot checks against the documentation of version 6.50."""
    service = schema["google_cloud_run_v2_service"]
    revision = service["blocks"]["template"]
    container = revision["block"]["blocks"]["containers"]

    assert service["attributes"]["location"] == attribute("string", required=True)
    assert service["attributes"]["uri"] == attribute("string", computed=True)
    assert service["attributes"]["project"] == attribute("string", optional=True, computed=True)
    assert service["attributes"]["labels"] == attribute(["map", "string"], optional=True)
    assert (revision["nesting"], revision["min"], revision["max"]) == ("list", 1, 1)
    assert (container["nesting"], container["max"]) == ("list", 0)
    assert container["block"]["attributes"]["image"] == attribute("string", required=True)
    assert schema["google_firestore_field"]["blocks"]["timeouts"]["nesting"] == "single"


def attribute(
    kind: object, *, required: bool = False, optional: bool = False, computed: bool = False
) -> dict[str, object]:
    """An attribute as the schema has it."""
    return {"type": kind, "required": required, "optional": optional, "computed": computed}


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ('locaton = "asia-south1"', "An argument named"),
        ("description = []", "Incorrect attribute value type"),
        ("templates {}", "Blocks of type"),
        ('uri = "https://x"', "Value for unconfigurable attribute"),
    ],
)
def test_what_the_real_provider_refuses_is_refused(copy: Configuration, block: str, sentence: str) -> None:
    """A misspelled argument or block, a wrong type, and what only Google can set."""
    copy.replace("modules/function/service.tf", "  ingress = ", f"  {block}\n  ingress = ")

    with pytest.raises(TerraformRefused, match=sentence):
        copy.run("validate")


def test_an_unknown_resource_is_refused(copy: Configuration) -> None:
    """Not passed over for want of a schema."""
    (copy.path / "more.tf").write_text('resource "google_clod_run_service" "x" {}\n')

    with pytest.raises(TerraformRefused, match="does not support resource type"):
        copy.run("validate")


def test_it_applies_nothing(copy: Configuration) -> None:
    """Whoever applies with it by mistake is told so."""
    for file in copy.path.glob("*.tf"):
        if file.name != "offline_override.tf":
            file.unlink()
    (copy.path / "main.tf").write_text(
        'provider "google" {\n  project = "p"\n}\n'
        'resource "google_service_account" "x" {\n  account_id = "some-account"\n}\n'
    )

    with pytest.raises(TerraformRefused, match="This provider only plans"):
        copy.run("apply", "-auto-approve")


def test_a_package_of_another_form_is_not_read_half() -> None:
    """An attribute whose type is not understood is an error, not a gap."""
    text = (
        "export class Thing extends cdktf.TerraformResource {\n"
        "  // name - computed: false, optional: false, required: true\n"
        "  private _name?: Promise<string>; \n"
        "  public get name() {\n"
        "    return this.getNothing('name');\n"
        "}\n"
    )

    with pytest.raises(UnreadableSchema, match="Promise"):
        Source(text).schema()
    with pytest.raises(UnreadableSchema, match="no resource"):
        Source("export class Thing extends cdktf.Other {\n}\n")


def test_lock_states_and_plans_are_not_committed() -> None:
    """The lock file would pin one platform's checksums, of this provider even."""
    names = [f"infra/{name}" for name in (".terraform.lock.hcl", ".terraform/x", "x.tfstate", "x.tfplan")]
    told = subprocess.run(
        ["git", "check-ignore", "--no-index", *names], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert told.stdout.split() == names


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_a_machine_without_terraform_says_so(tmp_path: Path, ci: str, status: int) -> None:
    """In one loud line; where CI=true that is a failure."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.infra.offline"],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == status, told.stderr
    assert told.stdout == "*** MISSING: no terraform and no npm: the checks of infra/ do not run ***\n"
