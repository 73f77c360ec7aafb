#!/usr/bin/env bash
# Applies the plan, then asks the service through its gateway. If one of the two fails, the image that ran
# before is deployed again, asked likewise, and this ends with a failure all the same.
set -euo pipefail
source "$(dirname "$0")/settings.sh"
here=$(dirname "$0")

image=$(<"$DEPLOY_DIR/image")
previous=$(<"$DEPLOY_DIR/previous")

if [[ $APPLY != true ]]; then
  echo "Planned only: gs://$STATE_BUCKET/plans/$BUILD.txt. Deploy it with _IMAGE=$image"
  exit 0
fi
# Else a failing apply of this outdated plan would take another build's image back.
now=$(deployed_image)
[[ $now == "$previous" ]] || stop "Another deploy came after this plan: start this build anew."

fault=""
if ! tf apply -lock-timeout=10m "$DEPLOY_DIR/plan.tfplan"; then
  fault="The plan could not be applied"
elif ! "$BASH" "$here/smoke.sh"; then
  fault="The smoke tests failed"
fi

if [[ -z $fault ]]; then
  echo "Deployed: $image"
  exit 0
fi
[[ -n $previous ]] || stop "$fault. This was the first deploy: there is no image to go back to."
[[ $previous != "$image" ]] || stop "$fault. The same image ran before: there is nothing to go back to."
echo "*** $fault: going back to $previous" >&2
"$BASH" "$here/rollback.sh" "$previous" || stop "$fault, and so did going back. Some functions may run $image."
"$BASH" "$here/smoke.sh" || stop "$fault. $previous is deployed again, but fails the smoke tests too."
stop "$fault. $previous is deployed again and answers."
