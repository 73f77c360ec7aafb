# Sourced by the other scripts: their settings, and what several of them do.
# PROJECT and ENVIRONMENT are needed; cloudbuild.yaml gives all of them, and by hand the rest may be left out.
: "${PROJECT:?is the id of the Google Cloud project}"
: "${ENVIRONMENT:?names a file of infra/env}"
: "${STATE_BUCKET:=$PROJECT-log-aggregator-state}"
: "${REPOSITORY:=asia-south1-docker.pkg.dev/$PROJECT/log-aggregator/app}"
: "${SMOKE_ACCOUNT:=log-aggregator-build@$PROJECT.iam.gserviceaccount.com}"
: "${AUDIENCE:=log-aggregator}"
: "${IMAGE:=}"
: "${APPLY:=true}"
: "${BUILD:=by-hand-$(date -u +%Y%m%dT%H%M%SZ)}"
: "${DEPLOY_DIR:=.local/deploy}" # what one step leaves for the next
: "${TOOLS:=/tools}"

export PATH="$TOOLS/bin:$TOOLS/node/bin:$TOOLS/java/bin:$PATH"
export TF_IN_AUTOMATION=1 TF_INPUT=0
mkdir -p "$DEPLOY_DIR"
DEPLOY_DIR=$(cd "$DEPLOY_DIR" && pwd)

# Whether the image was built and tested by an earlier build.
promoted() { [[ -n $IMAGE ]]; }

# stop SENTENCE: says it and ends with a failure.
stop() {
  echo "*** $1" >&2
  exit 1
}

# is_digest REFERENCE: whether it names its bits. A tag can move between the test and the start.
is_digest() { [[ $1 =~ ^[^@[:space:]]+@sha256:[0-9a-f]{64}$ ]]; }

tf() { terraform -chdir=infra "$@"; }

# What a plan and an apply are about: for_image REFERENCE prints the arguments, one a line.
for_image() {
  printf '%s\n' -lock-timeout=10m "-var-file=env/$ENVIRONMENT.tfvars" "-var=project=$PROJECT" "-var=image=$1"
}

# The image that was applied last, by Terraform's state; nothing before the first deploy.
deployed_image() {
  local outputs
  outputs=$(tf output -json) || stop "The state in gs://$STATE_BUCKET cannot be read."
  if [[ $outputs == *'"image"'* ]]; then tf output -raw image; fi
}
