#!/bin/sh
# Runs a program on one OpenCL platform:  sh run.sh PLATFORM FORM PROGRAM [ARGUMENT...]
#
#   PLATFORM   pocl, intel, rusticl: that driver alone
#              pocl-avx2, pocl-sse2: PoCL compiling for processors with vectors of 8, and of 4 without fused multiply-add
#              intel-avx2, intel-avx, intel-sse4: Intel's runtime for vectors of 8, and of 8 and 4 without fused multiply-add
#              oclgrind: the simulator, with race detection; uninitialized: the simulator, following uninitialised values
#              all: every driver of this machine in one process
#   FORM       wide, simt (CLMIX_KERNELS), or default: what the device gets by itself
#
# The platform's driver is the only one the program sees, so that a broken one fails its own tests and no others. Exit status: the program's; 77 with
# "SKIPPED: <platform>: <reason>" where the platform is not installed; 1 where Oclgrind's log holds an error (its own status is always 0).
# A platform named in CLMIX_REQUIRED_PLATFORMS fails where it would be skipped.
#
# $CLMIX_BUILD_DIR is the build tree (default: build in the repository); caches, logs and ICD folders are kept in its platform/
# ($CLMIX_TEST_STATE names another place).
set -eu

[ $# -ge 3 ] || { echo "usage: sh run.sh PLATFORM FORM PROGRAM [ARGUMENT...]" >&2; exit 2; }
platform=$1 form=$2 program=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
build=${CLMIX_BUILD_DIR:-$here/../../build}
state=${CLMIX_TEST_STATE:-$build/platform}/$platform
system_vendors=${CLMIX_SYSTEM_VENDORS:-/etc/OpenCL/vendors}
info=$build/bin/clmix-info

mkdir -p "$state/vendors" "$state/cache" "$state/driver-cache" "$state/logs"
chmod go-w "$state/cache"    # clmix runs nothing that others may have written
state=$(cd "$state" && pwd)
build=$(cd "$build" && pwd)

skip()
{
    case " ${CLMIX_REQUIRED_PLATFORMS:-} " in
    *" $platform "*) echo "FAILED: $platform: $1 (and CLMIX_REQUIRED_PLATFORMS names it)"; exit 1 ;;
    esac
    echo "SKIPPED: $platform: $1"
    exit 77
}

# Puts one file into the platform's ICD folder, at once, since tests run side by side.
offer()    # offer NAME CONTENT
{
    if [ "$(cat "$state/vendors/$1" 2>/dev/null)" != "$2" ]; then
        echo "$2" >"$state/$1.$$"
        mv -f "$state/$1.$$" "$state/vendors/$1"
    fi
}

# Offers the system's drivers whose .icd file is named like the pattern; false where there are none.
offer_system()    # offer_system PATTERN
{
    found=false
    for icd in "$system_vendors"/$1; do
        if [ -f "$icd" ]; then
            offer "${icd##*/}" "$(cat "$icd")"
            found=true
        fi
    done
    $found
}

launcher=
log=
preload=
compile_for()    # compile_for CPU LIBRARY: what PoCL is told
{
    POCL_LLVM_CPU_NAME=$1 POCL_KERNELLIB_NAME=$2
    export POCL_LLVM_CPU_NAME POCL_KERNELLIB_NAME
}
case $platform in
pocl-avx2) compile_for haswell avx2 ;;
pocl-sse2) compile_for x86-64 sse2 ;;
intel-avx2) CL_CONFIG_CPU_TARGET_ARCH=core-avx2 ;;
intel-avx) CL_CONFIG_CPU_TARGET_ARCH=corei7-avx ;;
intel-sse4) CL_CONFIG_CPU_TARGET_ARCH=corei7 ;;
esac
case $platform in
intel-*) export CL_CONFIG_CPU_TARGET_ARCH ;;
esac

case $platform in
pocl | pocl-*)
    CLMIX_DEVICE='Portable Computing Language'
    offer_system '*pocl*.icd' || skip "no *pocl*.icd in $system_vendors; install pocl-opencl-icd"
    ;;
intel | intel-*)
    CLMIX_DEVICE='Intel(R) OpenCL'
    library=$(sh "$here/intel.sh" path) || skip "$library"
    offer intel.icd "$library"
    ;;
rusticl)
    CLMIX_DEVICE='rusticl'
    RUSTICL_ENABLE=llvmpipe
    export RUSTICL_ENABLE
    offer_system '*rusticl*.icd' || skip "no *rusticl*.icd in $system_vendors; install mesa-opencl-icd"
    ;;
all)
    CLMIX_DEVICE='Portable Computing Language'
    RUSTICL_ENABLE=llvmpipe
    export RUSTICL_ENABLE
    offer_system '*.icd' || skip "no .icd file in $system_vendors; install pocl-opencl-icd"
    if library=$(sh "$here/intel.sh" path); then
        offer intel.icd "$library"
    fi
    ;;
oclgrind | uninitialized)
    CLMIX_DEVICE='Oclgrind'
    command -v oclgrind >/dev/null || skip "the program oclgrind is not here; install oclgrind"
    log=$state/logs/${program##*/}-$form-$$.log
    launcher="oclgrind --max-errors 20 --local-mem-size 1048576"
    if [ "$platform" = oclgrind ]; then
        launcher="$launcher --data-races --check-api"
    else    # without optimisation, or Oclgrind stops at LLVM's freeze instruction
        launcher="$launcher --global-mem-size 1073741824 --num-threads 1 --uninitialized --build-options -cl-opt-disable"
        preload=$build/test/lib/liboclgrind_write.so
        [ -f "$preload" ] || { echo "FAILED: $platform: $preload is not built"; exit 1; }
    fi
    ;;
*)
    echo "unknown platform '$platform': pocl, pocl-avx2, pocl-sse2, intel, intel-avx2, intel-avx, intel-sse4, rusticl, oclgrind, uninitialized, all" >&2
    exit 2
    ;;
esac

# Full effort where a form is at home, one compiler each; small where it runs a second time, or is slow.
case $platform-$form in
pocl-simt | intel-wide | pocl-*-* | intel-*-* | rusticl-* | oclgrind-* | uninitialized-*) CLMIX_TEST_EFFORT=${CLMIX_TEST_EFFORT:-small} ;;
*) CLMIX_TEST_EFFORT=${CLMIX_TEST_EFFORT:-full} ;;
esac
case $form in
wide | simt) CLMIX_KERNELS=$form; export CLMIX_KERNELS ;;
default) unset CLMIX_KERNELS ;;
*) echo "unknown form '$form': wide, simt, default" >&2; exit 2 ;;
esac

CLMIX_CACHE_DIR=$state/cache
POCL_CACHE_DIR=$state/driver-cache
MESA_SHADER_CACHE_DIR=$state/driver-cache
CLMIX_TEST_PLATFORM=$platform
CLMIX_TUNE=${CLMIX_TUNE-off}    # nothing is timed but where a test asks for it
export CLMIX_DEVICE CLMIX_CACHE_DIR CLMIX_TEST_EFFORT CLMIX_TEST_PLATFORM CLMIX_TUNE POCL_CACHE_DIR MESA_SHADER_CACHE_DIR
OCL_ICD_VENDORS=$state/vendors
export OCL_ICD_VENDORS
CK_FORK=no
export CK_FORK
ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$here/lsan.supp:print_suppressions=0}
TSAN_OPTIONS=${TSAN_OPTIONS:-suppressions=$here/tsan.supp:halt_on_error=0:ignore_noninstrumented_modules=1}
UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
export ASAN_OPTIONS LSAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS

# Is there a device? Asked once for each build of clmix-info; only a yes is remembered. What the driver offers to clinfo and not to clmix is a failure.
if [ -x "$info" ] && [ -z "$(find "$state/device" -newer "$info" 2>/dev/null)" ]; then
    if said=$($launcher "$info" --device "$CLMIX_DEVICE" 2>&1 </dev/null); then
        : >"$state/device"
    elif command -v clinfo >/dev/null && $launcher clinfo -l 2>/dev/null | grep -F -A 1 ": $CLMIX_DEVICE" | grep -q 'Device #'; then
        echo "$said"
        echo "FAILED: $platform: clinfo lists a device that clmix-info --device '$CLMIX_DEVICE' does not open"
        exit 1
    else
        skip "no device (clmix-info: $(echo "$said" | head -n 1))"
    fi
fi

# LeakSanitizer stops all threads when a program exits, and rarely dies of it where a driver's threads are just ending. That says nothing of leaks: the
# program runs once more. Whatever else fails, fails.
case $program in
*/sanitize/*)
    said=$state/logs/${program##*/}-sanitize-$$.log
    status=0
    "$program" "$@" >"$said" 2>&1 || status=$?
    cat "$said"
    if [ "$status" -ne 0 ] && grep -q 'LeakSanitizer has encountered a fatal error' "$said"; then
        rm -f "$said"
        echo "LeakSanitizer's own tracer died; once more:"
        exec "$program" "$@"
    fi
    rm -f "$said"
    exit "$status"
    ;;
esac

if [ -z "$launcher" ]; then
    exec "$program" "$@"
fi

if [ -n "$preload" ]; then
    # shellcheck disable=SC2016  # for the inner shell
    set -- sh -c 'LD_PRELOAD="$1 $LD_PRELOAD"; export LD_PRELOAD; shift; exec "$@"' sh "$preload" "$program" "$@"
else
    set -- "$program" "$@"
fi
status=0
$launcher --log "$log" "$@" || status=$?
if grep -E -i 'invalid (read|write)|data race|uninitiali[sz]ed|out of bounds|barrier divergence|misaligned|FATAL|unhandled|unsupported' "$log" >/dev/null 2>&1; then
    head -n 60 "$log"
    echo "FAILED: $platform: errors in Oclgrind's log, $log"
    exit 1
fi
if [ "$status" -eq 0 ]; then
    rm -f "$log"
fi
exit "$status"
