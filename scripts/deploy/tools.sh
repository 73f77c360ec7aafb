#!/bin/sh
# Copies one tool out of the image that this runs in, to the volume that later steps share: tools.sh NAME.
# Needs no bash: the images are as their makers made them.
set -eu
to="${TOOLS:-/tools}"
case "$1" in
  terraform) mkdir -p "$to/bin" && cp "$(command -v terraform)" "$to/bin/" ;;
  node) mkdir -p "$to/node/lib" && cp -R /usr/local/bin "$to/node/" && cp -R /usr/local/lib/node_modules "$to/node/lib/" ;;
  java) cp -R "$JAVA_HOME" "$to/java" ;;
  emulator) find / -xdev -name cloud-firestore-emulator.jar -exec cp {} "$to/" \; && test -f "$to/cloud-firestore-emulator.jar" ;;
  *) echo "tools.sh: there is no tool $1" >&2 && exit 2 ;;
esac
