#!/bin/sh
# Every shell script parses, and shellcheck, where it is installed, has nothing to say.
set -eu
root=${1:-.}
cd "$root"

scripts="$(find test tools bench -name '*.sh') $(find .ci -type f)"
for script in $scripts; do
    sh -n "$script"
done
if ! command -v shellcheck >/dev/null; then
    echo "SKIPPED: shellcheck: the program is not here; install shellcheck"
    exit 77
fi
# shellcheck disable=SC2086  # one word a script
shellcheck -s sh -x -e SC1091 $scripts
echo "ok"
