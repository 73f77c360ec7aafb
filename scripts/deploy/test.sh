#!/usr/bin/env bash
# Every check and every test, as a newcomer runs them; an image that is only promoted had them already.
set -euo pipefail
source "$(dirname "$0")/settings.sh"

if promoted; then
  echo "Not tested again: $IMAGE"
  exit 0
fi
export CI=true
export FIRESTORE_EMULATOR_JAR="$TOOLS/cloud-firestore-emulator.jar"
make test
