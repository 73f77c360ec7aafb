#!/usr/bin/env bash
# rollback.sh [DIGEST]: deploys an image that ran before, by default that of $DEPLOY_DIR/previous, with the
# Terraform of this working tree. Settings and resources are not taken back: revert their commit for that.
set -euo pipefail
source "$(dirname "$0")/settings.sh"

image=${1:-$(cat "$DEPLOY_DIR/previous" 2>/dev/null || true)}
[[ -n $image ]] || stop "There is no previous image: this was the first deploy."
is_digest "$image" || stop "$image is no digest."
tf init -backend-config="bucket=$STATE_BUCKET" >/dev/null
mapfile -t arguments < <(for_image "$image")
tf apply -auto-approve "${arguments[@]}"
echo "Deployed again: $image"
