#!/bin/sh
# clmix on 64-bit Arm: cross-built in BUILD/arm64, and run by an emulated processor on Debian 13's PoCL: the self-test, and small reference cases in both
# forms of the kernels:  sh arm64.sh BUILD
#
# The machine is an arm64 Debian that is unpacked and not set up, since setting it up would be emulated too: a minute and 160 MB to download, 720 MB in the
# cache, made anew after 30 days. Kernels are compiled some 30 times slower than by a real processor, a quarter of an hour in all, so only where CLMIX_FRESH is
# in the environment. Exit status: 77, with a reason, where it cannot run.
set -eu

build=${1:?usage: sh arm64.sh BUILD}/arm64
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
suite=trixie
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/clmix/fresh/arm64-$suite
tree=$cache/tree
# shellcheck disable=SC2034  # common.sh uses it
machine=arm64
. "$here/common.sh"

packages=pocl-opencl-icd,ocl-icd-opencl-dev,opencl-headers,libclblast-dev,libcjson-dev,libutf8proc-dev,libpng-dev,libjpeg62-turbo-dev,zlib1g-dev,libpopt-dev
packages=$packages,gcc,libc6-dev    # PoCL links its kernels as a compiler does
cases="relu softmax haar_dwt_odd_one_axis linear_no_bias"
registered=/proc/sys/fs/binfmt_misc/qemu-aarch64

make_tree()
{
    if [ -n "$(find "$cache/done" -mtime -30 2>/dev/null)" ]; then
        return
    fi
    rm -rf --one-file-system "$tree" "$cache/done"
    # shellcheck disable=SC2046  # no mirror is no word
    if ! debootstrap --arch=arm64 --foreign --variant=minbase --include="$packages" "$suite" "$tree" $(mirror) >"$cache/log" 2>&1; then
        skip "debootstrap has no base system: $(tail -n 1 "$cache/log")"
    fi
    for package in "$tree"/var/cache/apt/archives/*.deb; do
        dpkg-deb -x "$package" "$tree"
    done
    rm -f "$tree"/var/cache/apt/archives/*.deb
    mkdir -p "$tree/root/clmix"
    : >"$cache/done"
}

[ -n "${CLMIX_FRESH:-}" ] || skip "takes a quarter of an hour and the network; CLMIX_FRESH=1 in the environment runs it"
require_root
command -v dpkg-deb >/dev/null || skip "the program dpkg-deb is not here; install dpkg"
command -v aarch64-linux-gnu-gcc >/dev/null || skip "the compiler aarch64-linux-gnu-gcc is not here; install gcc-aarch64-linux-gnu and libc6-dev-arm64-cross"
if ! grep -q -x enabled "$registered" 2>/dev/null || ! grep -q '^flags:.*F' "$registered"; then
    skip "programs of arm64 do not run here; install qemu-user-static (and mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc && update-binfmts --enable qemu-aarch64)"
fi

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
make_tree

cmake -S "$source" -B "$build" -DCMAKE_TOOLCHAIN_FILE="$here/arm64.cmake" -DCMAKE_SYSROOT="$tree" -DCLMIX_TESTS=OFF -DCLMIX_BENCH=OFF -DCLMIX_WERROR=ON >"$cache/log"
cmake --build "$build" --parallel "$(getconf _NPROCESSORS_ONLN)" --target clmix-info clmix-verify
cp "$build/bin/clmix-info" "$build/bin/clmix-verify" "$tree/root/clmix/"
for case in $cases; do
    cp "$source/test/cases/ops/$case.safetensors" "$tree/root/clmix/"
done

# PoCL says that a vector holds one float there; the compiler knows of four.
enter "$tree" './clmix-info --device cpu --check' CLMIX_TUNE=off | tee "$cache/said" || true
for line in 'vectors of 4' 'kernels *wide' 'check *passed'; do
    grep -q "$line" "$cache/said" || { echo "FAILED: arm64: the self-test says nothing like '$line'"; exit 1; }
done
for form in simt wide; do
    enter "$tree" './clmix-verify --device cpu *.safetensors' CLMIX_TUNE=off CLMIX_KERNELS=$form || { echo "FAILED: arm64: $form kernels"; exit 1; }
done
