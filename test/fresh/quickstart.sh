#!/bin/sh
# The README's first command on a Debian of SUITE that has nothing installed, without a warning; then the tests that need no second driver, built with
# the warnings as errors, and the sources as that suite's clang and musl see them:  sh quickstart.sh SUITE
#
# Some ten minutes on two processors, and 500 MB to download the first time, so only where CLMIX_FRESH is in the environment.
set -eu

suite=$1
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${CLMIX_FRESH:-}" ]; then
    echo "SKIPPED: fresh-$suite: takes ten minutes and the network; CLMIX_FRESH=1 in the environment runs it"
    exit 77
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
# shellcheck disable=SC2016  # for the machine's shell
{ sh "$here/debian.sh" "$suite" '
    set -e
    sh tools/quickstart.sh
    apt-get -q -y install --no-install-recommends check clang musl-tools
    cmake -S . -B build -DCLMIX_TESTS=ON -DCLMIX_WERROR=ON
    cmake --build build --parallel "$(nproc)"
    ctest --test-dir build --parallel "$(nproc)" --output-on-failure -R "compile|lint|install|pocl.unit_"' 2>&1 || echo "$?" >"$log.status"; } | tee "$log"
if [ -f "$log.status" ]; then
    status=$(cat "$log.status")
    rm -f "$log.status"
    exit "$status"
fi
if grep -n -E '(^|[^a-z])warning: ' "$log" >"$log.warnings"; then
    echo "FAILED: fresh-$suite: warnings:"
    cat "$log.warnings"
    status=1
fi
rm -f "$log.warnings"
grep -q '^Test accuracy: ' "$log" || { echo "FAILED: fresh-$suite: the network was not tested"; status=1; }
exit "$status"
