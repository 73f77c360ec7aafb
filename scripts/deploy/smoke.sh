#!/usr/bin/env bash
# The smoke tests against the gateway that Terraform's state names, as a viewer.
# The build's metadata server gives no identity tokens: the account has one made for itself (it needs
# roles/iam.serviceAccountTokenCreator on itself), with the e-mail that ROLE_BINDINGS binds.
set -euo pipefail
source "$(dirname "$0")/settings.sh"

url=$(tf output -raw gateway_url)
TOKEN=$(gcloud auth print-identity-token --impersonate-service-account="$SMOKE_ACCOUNT" \
  --audiences="$AUDIENCE" --include-email)
export TOKEN
# A new gateway, and new settings of an old one, take minutes to arrive.
python3 tests/smoke/smoke.py --url "$url" --role viewer --wait "${SMOKE_WAIT_S:-600}"
