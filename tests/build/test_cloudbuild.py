"""cloudbuild.yaml: valid by its schema, an account of its own, and no name that leads nowhere."""

import copy
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.build import build_file
from tests.build.programs import World
from tests.conftest import ROOT
from tests.servers.required import require

Change = Callable[[dict[str, Any]], object]


def check(path: Path) -> subprocess.CompletedProcess[str]:
    """What the schema of Cloud Build says; it comes with the checker, so no network is needed."""
    require("check-jsonschema", importlib.util.find_spec("check_jsonschema"))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.cloudbuild", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_file_is_valid() -> None:
    """By the schema of Cloud Build."""
    checked = check(build_file.PATH)

    assert checked.returncode == 0, checked.stdout


PLANTED: dict[str, tuple[Change, str]] = {
    "a misspelled key": (lambda b: b["steps"][-1].update(wiatFor=["plan"]), "wiatFor"),
    "a misspelled option": (lambda b: b["options"].update(loging="NONE"), "loging"),
    "an unknown way of logging": (lambda b: b["options"].update(logging="CLOUD_LOGS"), "CLOUD_LOGS"),
    "a list that is none": (lambda b: b["steps"][0].update(args="scripts/deploy/tools.sh"), "args"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_mistake_is_found(planted: str, tmp_path: Path) -> None:
    """The check above can fail."""
    change, named = PLANTED[planted]
    build = copy.deepcopy(build_file.build_file())
    change(build)
    (tmp_path / "cloudbuild.yaml").write_text(yaml.safe_dump(build))

    checked = check(tmp_path / "cloudbuild.yaml")

    assert checked.returncode == 1
    assert named in checked.stdout


def test_the_build_runs_as_its_own_account() -> None:
    """The one that infra/bootstrap makes; logs go to Cloud Logging alone, as such an account needs."""
    build = build_file.build_file()
    account = build["serviceAccount"].rpartition("/")[2].partition("@")[0]

    assert account == "log-aggregator-build"
    assert build["options"]["logging"] == "CLOUD_LOGGING_ONLY"
    assert "logsBucket" not in build


def test_every_substitution_is_used_and_every_used_one_declared() -> None:
    """Cloud Build refuses a substitution that nothing uses, and one that nobody declares."""
    build = build_file.build_file()
    used = set(re.findall(r"\$\{(_[A-Z_]+)\}", build_file.PATH.read_text()))

    assert used == set(build["substitutions"])
    assert set(re.findall(r"\$\{([A-Z][A-Z_]*)\}", build_file.PATH.read_text())) <= set(build_file.BUILTIN)


def test_every_setting_of_the_scripts_comes_from_the_build() -> None:
    """And each that the build gives is one that the scripts know."""
    given = {pair.partition("=")[0] for pair in build_file.build_file()["options"]["env"]}
    known = set(
        re.findall(r'^: "\$\{([A-Z_]+)', (ROOT / "scripts/deploy/settings.sh").read_text(), re.MULTILINE)
    )

    assert known - given == {"DEPLOY_DIR", "TOOLS"}
    assert given <= known


def test_steps_come_after_what_they_need() -> None:
    """Nothing is pushed untested, nothing is released unplanned, and nothing runs beside the release."""
    order = [step["id"] for step in build_file.steps(build_file.build_file())]

    assert order[-3:] == ["push", "plan", "release"]
    push = next(step for step in build_file.build_file()["steps"] if step["id"] == "push")
    assert set(push["waitFor"]) == {"test", "build"}


def test_every_script_is_there() -> None:
    """Each step runs a script of scripts/deploy, and each script is used or said to be for hands."""
    run = {step["args"][0] for step in build_file.build_file()["steps"]}
    called = {path for path in run if not (ROOT / path).is_file()}

    assert called == set()
    there = {f"scripts/deploy/{path.name}" for path in (ROOT / "scripts/deploy").glob("*.sh")}
    by_others = {"scripts/deploy/settings.sh", "scripts/deploy/smoke.sh", "scripts/deploy/rollback.sh"}
    assert there == run | by_others


def test_every_image_of_a_step_has_a_version() -> None:
    """But for Google's own builder of images, which Cloud Build keeps in step with its daemon."""
    images = [step["name"] for step in build_file.build_file()["steps"]]
    loose = [name for name in images if not re.search(r":[\w.-]*\d[\w.-]*$", name)]

    assert set(loose) == {"gcr.io/cloud-builders/docker"}
    assert [name for name in images if name.endswith(":latest")] == []


@pytest.mark.parametrize("script", sorted((ROOT / "scripts/deploy").glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_valid_shell(script: Path) -> None:
    """By the shell that runs them."""
    shell = "sh" if script.read_text().startswith("#!/bin/sh") else "bash"
    checked = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)

    assert checked.stderr == ""


def test_a_tool_is_copied_out_of_its_image(tmp_path: Path) -> None:
    """The terraform of the image that a step runs in becomes that of the later steps."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/terraform").write_text("#!/bin/sh\necho 1.11\n")
    (tmp_path / "bin/terraform").chmod(0o755)
    env = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "TOOLS": str(tmp_path / "tools")}

    subprocess.run(["sh", build_file.TOOLS, "terraform"], cwd=ROOT, env=env, check=True)
    unknown = subprocess.run(
        ["sh", build_file.TOOLS, "hammer"], cwd=ROOT, env=env, capture_output=True, check=False
    )

    assert subprocess.check_output([tmp_path / "tools/bin/terraform"], text=True) == "1.11\n"
    assert unknown.returncode == 2


SENT = {
    *(".gcloudignore", ".gitignore", ".dockerignore", "Dockerfile", "cloudbuild.yaml", "shared/entry.py"),
    *("infra/main.tf", "infra/.gitignore", "requirements.txt"),
}
KEPT = {
    *(".venv/bin/python", ".local/key.pem", "shared/__pycache__/entry.cpython-311.pyc"),
    *("infra/bootstrap/terraform.tfstate", "infra/.terraform/providers/google", "infra/.terraform.lock.hcl"),
}


def test_a_submitted_tree_has_all_that_is_built_and_nothing_private(tmp_path: Path) -> None:
    """The ignore files go with it, since tests read them; keys, states and caches do not.

    By git, whose patterns these are; `gcloud meta list-files-for-upload` says the same where there is one.
    """
    tree = tmp_path / "tree"
    for name in SENT | KEPT:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    text = (ROOT / ".gcloudignore").read_text()
    patterns = tmp_path / "patterns"
    patterns.write_text(text.replace("#!include:.gitignore", (ROOT / ".gitignore").read_text()))
    subprocess.run(["git", "init", "--quiet", str(tree)], check=True)
    command = ["git", "-C", str(tree), "ls-files", "--others", f"--exclude-from={patterns}"]

    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert set(listed.split()) == SENT
    assert "\n.git/\n" in text


def test_tests_have_a_repository_to_ask(tmp_path: Path) -> None:
    """A submitted tree has no .git: then one is made, so that what git ignores can be asked."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "scripts/deploy", tree / "scripts/deploy")
    submitted = World(tmp_path / "other", tree)

    ended = submitted.run("bash", "scripts/deploy/test.sh", PROJECT="a-project", ENVIRONMENT="dev")

    assert ended.code == 0, ended.printed
    assert (tree / ".git").is_dir()
    assert submitted.journal == ["make test"]
