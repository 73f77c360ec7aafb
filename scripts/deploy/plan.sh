#!/usr/bin/env bash
# Plans what the image in $DEPLOY_DIR/image changes, keeps the plan beside the state, and notes which image
# runs now ($DEPLOY_DIR/previous: empty at a first deploy).
set -euo pipefail
source "$(dirname "$0")/settings.sh"

image=$(<"$DEPLOY_DIR/image")
is_digest "$image" || stop "$image is no digest."

tf init -backend-config="bucket=$STATE_BUCKET"
deployed_image >"$DEPLOY_DIR/previous"
mapfile -t arguments < <(for_image "$image")
tf plan -out="$DEPLOY_DIR/plan.tfplan" "${arguments[@]}"
tf show -no-color "$DEPLOY_DIR/plan.tfplan" >"$DEPLOY_DIR/plan.txt"
gcloud storage cp "$DEPLOY_DIR/plan.txt" "gs://$STATE_BUCKET/plans/$BUILD.txt"
echo "Runs now: $(<"$DEPLOY_DIR/previous")"
echo "Planned:  $image"
