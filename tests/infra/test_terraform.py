"""Terraform's own checks, over `infra/` and over `infra/bootstrap/`."""

import subprocess
from typing import Any

import pytest

from tests.infra.offline.install import install
from tests.infra.policy import apis_before_use
from tests.infra.terraform import INFRA, Configuration, Plan, TerraformRefused, copy_of_infra

PROD = INFRA / "env" / "prod.tfvars"


def test_the_files_are_formatted(infra: Configuration) -> None:
    """As `terraform fmt -recursive infra` writes them."""
    told = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", str(INFRA)],
        env=infra.env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (told.returncode, told.stdout) == (0, ""), told.stderr


def test_every_argument_exists_and_has_its_type(infra: Configuration) -> None:
    """Against the schema of the provider's version."""
    assert "The configuration is valid" in infra.run("validate")


def test_its_own_tests_pass(infra: Configuration) -> None:
    """infra/tests: what a plan holds while nothing is known yet, and bad input."""
    told = infra.run("test")

    assert "14 passed, 0 failed" in told


@pytest.mark.parametrize(
    ("variables", "sentences"),
    [
        (
            {
                "image": "asia-south1-docker.pkg.dev/p/log-aggregator/app:latest",
                "project": "",
                "functions": {"gsc": {"memory": "2Gi"}},
            },
            [
                "Set image to a reference with",
                "Set project to the id of your Google Cloud project",
                "there is none for: gsc",
            ],
        ),
        ({"region": "us-east1"}, ["Set region to the bucket's, or name a bucket in US-EAST1 or US or NAM4"]),
        ({"settings": {"OPENAI_API_KEY": "sk-1"}}, ["Take out of settings: OPENAI_API_KEY"]),
    ],
)
def test_bad_input_is_refused_with_what_to_do(
    infra: Configuration, variables: dict[str, Any], sentences: list[str]
) -> None:
    """The operator reads a sentence, not an answer of Google's after half of it is made."""
    with pytest.raises(TerraformRefused) as refused:
        infra.plan(PROD, **variables)

    told = " ".join(str(refused.value).replace("│", " ").split())
    assert [sentence for sentence in sentences if sentence not in told] == []


@pytest.fixture(scope="module")
def bootstrap(infra: Configuration, tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """infra/bootstrap, set up through the mirror: without the network, and without a running provider."""
    env = install(INFRA)
    path = copy_of_infra(tmp_path_factory.mktemp("bootstrap"), infra.env, infra.path).path / "bootstrap"
    Configuration(path, env).run("init", "-input=false")
    return Configuration(path, infra.env)


@pytest.fixture(scope="module")
def first(bootstrap: Configuration) -> Plan:
    """What bootstrap makes in an empty project."""
    return bootstrap.plan(project="gpt-runner-prod")


def test_bootstrap_makes_what_a_first_deploy_needs(first: Plan) -> None:
    """A bucket for the state with versions, a registry that cleans up, empty secrets, a builder's account."""
    [bucket] = first.of("storage_bucket")
    [registry] = first.of("artifact_registry_repository")

    assert bucket.values["name"] == "gpt-runner-prod-log-aggregator-state"
    assert bucket.values["versioning"] == [{"enabled": True}]
    assert bucket.values["public_access_prevention"] == "enforced"
    assert {one["action"] for one in registry.values["cleanup_policies"]} == {"KEEP", "DELETE"}
    assert "log-aggregator-secret-key" in {
        one.values["secret_id"] for one in first.of("secret_manager_secret")
    }
    assert first.of("secret_manager_secret_version") == []
    assert list(apis_before_use(first)) == []


def test_the_builder_has_no_role_that_is_all(first: Plan) -> None:
    """It may give roles, which is much; it is no owner or editor, and reads no secret."""
    roles = {
        one.values["role"] for one in first.resources if "iam_member" in one.kind if "role" in one.values
    }

    assert roles & {"roles/owner", "roles/editor", "roles/viewer"} == set()
    assert {role for role in roles if "secret" in role} == set()
    assert first.of("cloudbuild_trigger") == []


def test_the_builder_may_have_a_token_made_for_itself(first: Plan) -> None:
    """For the smoke tests: gcloud has an access token made before it asks for an identity token."""
    [account] = first.of("service_account")
    [grant] = first.of("service_account_iam_member")

    assert grant.values["role"] == "roles/iam.serviceAccountTokenCreator"
    assert grant.values["service_account_id"] == account.values["name"]
    assert grant.values["member"] == account.values["member"]


def test_what_is_merged_waits_for_an_approval_in_production(bootstrap: Configuration) -> None:
    """A pull request only plans, after someone has read it; production is deployed by two."""
    repository = "projects/p/locations/europe-west1/connections/c/repositories/r"
    plan = bootstrap.plan(
        project="gpt-runner-prod", environment="prod", region="europe-west1", repository=repository
    )
    triggers = {one.values["name"]: one.values for one in plan.of("cloudbuild_trigger")}
    events = [one["repository_event_config"][0] for one in triggers.values()]

    assert triggers["log-aggregator-deploy"]["approval_config"] == [{"approval_required": True}]
    assert triggers["log-aggregator-plan"]["substitutions"]["_APPLY"] == "false"
    assert {one["substitutions"]["_REGION"] for one in triggers.values()} == {"europe-west1"}
    assert [one["pull_request"][0]["comment_control"] for one in events if one["pull_request"]] == [
        "COMMENTS_ENABLED"
    ]
