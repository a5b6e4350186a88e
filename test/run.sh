#!/bin/sh
# The whole suite, from a fresh checkout:  sh test/run.sh [CTEST ARGUMENT...]
# Installs what is missing (Debian, Ubuntu), builds in build/, and runs the tests on every platform; arguments go to ctest, such as -L pocl or -R gemm.
# Without arguments, tests labelled `long` are left out, but with CLMIX_LONG=1 in the environment.
set -eu

cd "$(dirname "$0")/.."
processors=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

sh tools/setup.sh test
sh test/platform/intel.sh install || true    # where it cannot be had, its tests are skipped and say so
sh test/isa/compilers.sh install || true

# A warning stops CI; on other machines the compiler may be newer than anyone has tried.
cmake -S . -B build -DCLMIX_TESTS=ON ${CI:+-DCLMIX_WERROR=ON}
cmake --build build --parallel "$processors"

# What setup has just installed must be usable: a suite that skips everything would be green too.
CLMIX_REQUIRED_PLATFORMS=${CLMIX_REQUIRED_PLATFORMS-pocl $(sh test/isa/compilers.sh required | tr '\n' ' ')}
export CLMIX_REQUIRED_PLATFORMS

echo
echo "Platforms:"
for platform in pocl intel rusticl oclgrind; do
    said=$(CLMIX_BUILD_DIR=build sh test/platform/run.sh "$platform" default true 2>&1) || true
    echo "  $platform: ${said:-here}"
done
sh test/isa/compilers.sh list | sed 's/^/  machine code for /'
echo

if [ $# -eq 0 ] && [ -z "${CLMIX_LONG:-}" ]; then
    set -- -LE '^long$'
fi
sh test/platform/kernels.sh take build
status=0
(cd build && ctest --parallel "${CTEST_PARALLEL_LEVEL:-$processors}" --output-on-failure "$@") || status=$?
sh test/platform/kernels.sh keep build
exit "$status"
