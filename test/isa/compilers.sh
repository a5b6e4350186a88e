#!/bin/sh
# The offline compilers of GPU vendors, which need no GPU.
#
#   sh compilers.sh install    fetches into the user's cache what tools/setup.sh does not install (once; 90 MB)
#   sh compilers.sh list       prints each target, and why it cannot be compiled for where it cannot
#   sh compilers.sh required   prints the targets whose compilers this system's packages bring: those for AMD
#
# Other scripts read it (. compilers.sh) for the names below. Fetched, not installed: libclc-19, which conflicts with the libclc-15 of Mesa;
# Intel's compiler, whose package adds a driver without a device; NVIDIA's assembler and disassembler, where /usr/local/cuda and PATH have none.

isa_targets="gfx906 gfx90a gfx1030 gfx1100 sm_75 sm_86 sm_90 skl tgllp acm-g10 pvc"
isa_cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/clmix/isa-1
isa_unpacked=$isa_cache/debian

# shellcheck disable=SC2034  # for who reads this
isa_libclc=$isa_unpacked/usr/lib/clc
isa_ocloc=$isa_unpacked/usr/bin/ocloc
isa_intel_libraries=$isa_unpacked/usr/lib/x86_64-linux-gnu
isa_packages="libclc-19 intel-opencl-icd libigc1 libigdfcl1 libopencl-clang14 libllvmspirvlib14 libigdgmm12"
isa_wheels="nvidia-cuda-nvcc==13.2.86 nvidia-cuda-nvdisasm==13.2.86"

# The first of the files that can be run.
isa_first()
{
    for isa_choice in "$@"; do
        if [ -x "$isa_choice" ]; then
            echo "$isa_choice"
            break
        fi
    done
}
isa_ptxas=$(isa_first /usr/local/cuda/bin/ptxas "$(command -v ptxas || true)" "$isa_cache"/nvidia/nvidia/*/bin/ptxas)
isa_nvdisasm=$(isa_first /usr/local/cuda/bin/nvdisasm "$(command -v nvdisasm || true)" "$isa_cache"/nvidia/nvidia/*/bin/nvdisasm)
isa_rocm=/usr/lib/x86_64-linux-gnu/amdgcn/bitcode

# Says why TARGET cannot be compiled for, with exit status 1; says nothing where it can.
isa_reason()    # isa_reason TARGET
{
    isa_why=
    case $1 in
    gfx1100 | sm_*)
        command -v clang-19 >/dev/null || isa_why="clang-19 is not here"
        [ -f "$isa_unpacked/complete" ] || isa_why="libclc-19 is not here"
        ;;
    gfx*)
        command -v clang-15 >/dev/null || isa_why="clang-15 is not here"
        [ -f "$isa_rocm/opencl.bc" ] || isa_why="$isa_rocm is not here; install rocm-device-libs"
        ;;
    *)
        LD_LIBRARY_PATH=$isa_intel_libraries "$isa_ocloc" --help >/dev/null 2>&1 || isa_why="Intel's ocloc is not here, or does not start"
        command -v readelf >/dev/null || isa_why="readelf is not here; install binutils"
        ;;
    esac
    case $1 in
    sm_*) [ -n "$isa_ptxas" ] || isa_why="NVIDIA's ptxas is not here" ;;
    esac
    if [ -n "$isa_why" ]; then
        echo "$isa_why$(sed 's/.*/ (&)/' "$isa_cache/reason" 2>/dev/null)"
        return 1
    fi
}

isa_give_up()
{
    echo "$1" | tee -a "$isa_cache/reason" >&2
    return 1
}

isa_download()
{
    # shellcheck disable=SC2086  # one word a package
    (cd "$isa_cache/packages" && apt-get -q download $isa_packages) >"$isa_cache/log" 2>&1
}

isa_fetch_debian()
{
    rm -rf "$isa_cache/packages" "$isa_unpacked"
    mkdir -p "$isa_cache/packages" "$isa_unpacked"
    if ! isa_download; then    # without lists, or with old ones
        { apt-get -q update || sudo -n apt-get -q update; } >/dev/null 2>&1 || true
        isa_download || { isa_give_up "apt-get could not download $isa_packages: $(tail -n 1 "$isa_cache/log")"; return; }
    fi
    for isa_package in "$isa_cache"/packages/*.deb; do
        dpkg -x "$isa_package" "$isa_unpacked" || { isa_give_up "dpkg -x $isa_package failed"; return; }
    done
    ln -s libiga64.so.1 "$isa_intel_libraries/libiga64.so"    # the name by which ocloc looks for its disassembler
    (cd "$isa_cache/packages" && echo ./*.deb) >"$isa_unpacked/complete"
    rm -rf "$isa_cache/packages"
}

isa_fetch_nvidia()
{
    rm -rf "$isa_cache/nvidia" "$isa_cache/python"
    if ! python3 -m venv "$isa_cache/python" >"$isa_cache/log" 2>&1; then
        isa_give_up "python3 -m venv failed (install python3-venv): $(tail -n 1 "$isa_cache/log")"
        return
    fi
    # shellcheck disable=SC2086  # one word a package
    "$isa_cache/python/bin/pip" install --no-input --disable-pip-version-check --no-cache-dir --no-deps --target "$isa_cache/nvidia" $isa_wheels \
        >"$isa_cache/log" 2>&1 || isa_give_up "pip could not install $isa_wheels: $(tail -n 1 "$isa_cache/log")"
    mkdir -p "$isa_cache/nvidia"
    find "$isa_cache/nvidia" -type f ! -name ptxas ! -name nvdisasm -delete    # of 200 MB
    rm -rf "$isa_cache/python"
}

isa_install()
{
    mkdir -p "$isa_cache"
    rm -f "$isa_cache/reason"
    if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
        isa_give_up "the packages of these compilers are for x86-64 Linux"
        return
    fi
    if [ ! -f "$isa_unpacked/complete" ]; then
        echo "Fetching compilers for GPUs into $isa_cache (once)"
        isa_fetch_debian || true
    fi
    if [ -z "$isa_ptxas" ] || [ -z "$isa_nvdisasm" ]; then
        isa_fetch_nvidia || true
    fi
    rm -f "$isa_cache/log"
}

# Does APT have all of the packages?
isa_known()
{
    for isa_package in "$@"; do
        apt-cache policy "$isa_package" 2>/dev/null | grep -q 'Candidate: [^(]' || return 1
    done
}

case ${0##*/}:${1:-} in
compilers.sh:install)
    set -eu
    isa_install
    ;;
compilers.sh:list)
    for isa_target in $isa_targets; do
        isa_said=$(isa_reason "$isa_target") || true
        echo "$isa_target: ${isa_said:-here}"
    done
    ;;
compilers.sh:required)
    if isa_known clang-15 rocm-device-libs; then
        echo "gfx906 gfx90a gfx1030"
    fi
    if isa_known clang-19 libclc-19; then
        echo "gfx1100"
    fi
    ;;
esac
