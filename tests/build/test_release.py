"""The steps of cloudbuild.yaml themselves, run over fakes: their order, their digest, the way back."""

import pytest

from tests.build import build_file
from tests.build.programs import DIGEST, World

REPOSITORY = "asia-south1-docker.pkg.dev/a-project/log-aggregator/app"
NEW = f"{REPOSITORY}@{DIGEST}"
OLD = f"{REPOSITORY}@sha256:{'0' * 64}"
IN_ORDER = (
    "make test",
    "docker build",
    "docker push",
    "terraform -chdir=infra init",
    "terraform -chdir=infra plan",
    "gcloud storage cp",
    "terraform -chdir=infra apply",
    "gcloud auth print-identity-token",
    "python3 tests/smoke/smoke.py",
)


def test_a_deploy_goes_through_its_stations_in_order(world: World) -> None:
    """Tested, built once, pushed, planned, kept, applied, asked: each once, and the new image runs."""
    world.tell(live=OLD)

    ended = build_file.run(world)

    assert ended.code == 0, ended.printed
    assert world.calls(*IN_ORDER) == list(IN_ORDER)
    assert world.read("live") == NEW
    assert world.read("ci") == "true"


def test_what_was_pushed_is_what_is_planned_and_applied(world: World) -> None:
    """The digest is the registry's for this repository; no tag reaches Terraform."""
    build_file.run(world)

    images = [word for call in world.journal for word in call.split() if word.startswith("-var=image=")]
    assert set(images) == {f"-var=image={NEW}"}
    assert world.read("applied") == f"{NEW}\n"


def test_the_plan_is_kept_beside_the_state(world: World) -> None:
    """Whoever wants to see it later finds it under the build's id."""
    build_file.run(world)

    [copy] = [call for call in world.journal if call.startswith("gcloud storage cp")]
    assert copy.endswith("gs://a-project-log-aggregator-state/plans/b-1.txt")
    assert (world.folder / "deploy/plan.txt").read_text() == f"image = {NEW}\n"


def test_the_smoke_tests_ask_the_gateway_as_a_viewer(world: World) -> None:
    """With a token of the build's own account, in the environment and not in the arguments."""
    build_file.run(world)

    [asked] = [call for call in world.journal if call.startswith("python3")]
    [minted] = [call for call in world.journal if "print-identity-token" in call]
    assert "--url https://gateway.example --role viewer" in asked
    assert "a-token" not in asked
    assert world.read("token") == "a-token"
    account = "log-aggregator-build@a-project.iam.gserviceaccount.com"
    for part in (f"--impersonate-service-account={account}", "--audiences=log-aggregator", "--include-email"):
        assert part in minted


def test_failing_smoke_tests_bring_the_previous_image_back(world: World) -> None:
    """It is applied and asked in its turn, and the build fails all the same."""
    world.tell(live=OLD, bad=NEW)

    ended = build_file.run(world)

    assert ended.code != 0
    assert world.read("applied").splitlines() == [NEW, OLD]
    assert world.calls("python3") == ["python3", "python3"]
    assert f"The smoke tests failed. {OLD} is deployed again and answers." in ended.printed


def test_a_failing_apply_brings_the_previous_image_back(world: World) -> None:
    """A service may have changed before the apply failed."""
    world.tell(live=OLD, fails="terraform -chdir=infra apply\n")

    ended = build_file.run(world)

    assert ended.code != 0
    assert world.read("applied").splitlines() == [OLD]
    assert "The plan could not be applied" in ended.printed


def test_a_previous_image_that_fails_too_is_said(world: World) -> None:
    """Going back is no success by itself."""
    world.tell(live=OLD, bad=f"{NEW}\n{OLD}")

    ended = build_file.run(world)

    assert ended.code != 0
    assert "fails the smoke tests too" in ended.printed


def test_a_way_back_that_fails_is_said(world: World) -> None:
    """Then somebody has to look which functions run what."""
    world.tell(live=OLD, bad=NEW, fails="terraform -chdir=infra apply -auto-approve\n")

    ended = build_file.run(world)

    assert ended.code != 0
    assert f"Some functions may run {NEW}" in ended.printed


def test_a_first_deploy_has_no_previous_image(world: World) -> None:
    """It is the same file and the same steps."""
    ended = build_file.run(world)

    assert ended.code == 0, ended.printed
    assert world.read("deploy/previous") == ""
    assert world.read("live") == NEW


def test_a_first_deploy_that_fails_goes_nowhere(world: World) -> None:
    """It ends with a failure that says why nothing was taken back."""
    world.tell(bad=NEW)

    ended = build_file.run(world)

    assert ended.code != 0
    assert world.read("applied") == f"{NEW}\n"
    assert "there is no image to go back to" in ended.printed


def test_a_state_that_cannot_be_read_is_no_first_deploy(world: World) -> None:
    """Nothing is planned while it is unknown what runs."""
    world.tell(live=OLD, fails="terraform -chdir=infra output -json\n")

    ended = build_file.run(world)

    assert ended.code != 0
    assert "cannot be read" in ended.printed
    assert world.calls("terraform -chdir=infra plan") == []


def test_a_deploy_in_between_is_not_taken_back(world: World) -> None:
    """A plan that another deploy made old is refused, and the other's image stays."""
    world.tell(live=OLD)
    build_file.run(world, APPLY="false")
    other = f"{REPOSITORY}@sha256:{'2' * 64}"
    world.tell(live=other)

    ended = world.run("bash", "scripts/deploy/release.sh", PROJECT="a-project", ENVIRONMENT="dev")

    assert ended.code != 0
    assert "Another deploy came after this plan" in ended.printed
    assert world.read("live") == other


def test_an_image_that_was_built_before_is_only_deployed(world: World) -> None:
    """Production takes the bits that were tested: nothing is tested or built again."""
    ended = build_file.run(world, IMAGE=OLD)

    assert ended.code == 0, ended.printed
    assert world.calls("make", "docker") == []
    assert world.read("live") == OLD


def test_a_build_may_end_after_its_plan(world: World) -> None:
    """Then nothing changes, and it says how to go on."""
    world.tell(live=OLD)

    ended = build_file.run(world, APPLY="false")

    assert ended.code == 0
    assert world.read("live") == OLD
    assert f"_IMAGE={NEW}" in ended.printed


@pytest.mark.parametrize("image", [f"{REPOSITORY}:latest", "app", f"{REPOSITORY}@sha256:12", f"a b@{DIGEST}"])
def test_a_tag_is_refused(world: World, image: str) -> None:
    """Only a digest names the bits that were tested."""
    ended = build_file.run(world, IMAGE=image)

    assert ended.code != 0
    assert "is no digest" in ended.printed
    assert world.calls("terraform") == []


@pytest.mark.parametrize("step", ["make test", "docker build", "docker push", "docker inspect"])
def test_nothing_is_deployed_that_did_not_get_so_far(world: World, step: str) -> None:
    """A failing test, build or push is the end."""
    world.tell(live=OLD, fails=f"{step}\n")

    ended = build_file.run(world)

    assert ended.code != 0
    assert world.calls("terraform") == []
    assert world.read("live") == OLD


def test_a_rollback_by_hand_takes_any_digest(world: World) -> None:
    """The one command of the operations page."""
    world.tell(live=NEW)

    ended = world.run("bash", "scripts/deploy/rollback.sh", OLD, PROJECT="a-project", ENVIRONMENT="prod")

    assert ended.code == 0, ended.printed
    assert world.read("live") == OLD
    assert "-var-file=env/prod.tfvars" in world.journal[-1]


def test_a_missing_setting_is_named(world: World) -> None:
    """By hand the project has to be said."""
    ended = world.run("bash", "scripts/deploy/plan.sh", ENVIRONMENT="dev")

    assert ended.code != 0
    assert "PROJECT" in ended.printed
    assert world.journal == []
