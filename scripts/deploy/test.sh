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
# What was submitted has no .git, and what was cloned belongs to somebody else: one test asks git what it ignores.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
git rev-parse --git-dir >/dev/null 2>&1 || git init --quiet
make test
