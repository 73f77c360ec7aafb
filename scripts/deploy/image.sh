#!/usr/bin/env bash
# image.sh build: the image, once. image.sh push: to the registry; its digest goes to $DEPLOY_DIR/image.
# With IMAGE set both do nothing but pass it on.
set -euo pipefail
source "$(dirname "$0")/settings.sh"

tag="$REPOSITORY:$BUILD"

build() {
  docker build --pull --tag "$tag" .
}

push() {
  local digest
  docker push "$tag"
  # One that was pulled or pushed elsewhere has several.
  digest=$(docker inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$tag" | grep -m1 -F "$REPOSITORY@") ||
    stop "The registry gave $tag no digest."
  pass_on "$digest"
}

pass_on() {
  is_digest "$1" || stop "$1 is no digest: REPOSITORY@sha256:… is wanted, because a tag can move."
  echo "$1" >"$DEPLOY_DIR/image"
  echo "The image is $1"
}

if promoted; then
  pass_on "$IMAGE"
else
  "$1"
fi
