#!/bin/sh
# Compiles one recorded program for one target and prints a line for each of its kernels, as amd.awk describes it:
#
#   sh compile.sh TARGET PROGRAM.cl    PROGRAM.options beside it holds the options
#
# What does not compile is a line "! message". Results are kept in the user's cache, by all that decides them: $ISA_COMPILER is the compiler's
# version. $ISA_PRODUCTS, a pattern, names the kernels whose loops matter.
set -eu

target=$1 program=$2
here=$(cd "$(dirname "$0")" && pwd)
isa_rocm='' isa_libclc='' isa_ptxas='' isa_nvdisasm='' isa_intel_libraries='' isa_ocloc='' isa_cache=''    # set by:
. "$here/compilers.sh"
options=$(cat "${program%.cl}.options")
case $target in
pvc) options="$options -DSUB_GROUP=16" ;;    # as on a device of this name (the quirk sub-groups-of-16)
esac

exec 3>&1    # for messages: a failure is not kept
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail()
{
    echo "! $(grep -E -m 1 -i 'error|unresolved|fatal' "$1" || tail -n 1 "$1")" >&3
    exit 0
}

# shellcheck disable=SC2086  # options are words
compile_rocm()
{
    clang-15 -x cl $options -target amdgcn-amd-amdhsa -mcpu="$target" -O3 --rocm-device-lib-path="$isa_rocm" -w -S -o "$work/s" "$program" \
        2>"$work/said" || fail "$work/said"
    awk -f "$here/amd.awk" "$work/s"
}

# shellcheck disable=SC2086
compile_libclc()
{
    clang-19 -x cl $options -target amdgcn-amd-amdhsa -mcpu="$target" -O3 -nogpulib -Xclang -mlink-builtin-bitcode \
        -Xclang "$isa_libclc/$target-amdgcn-mesa-mesa3d.bc" -Wno-linker-warnings -w -S -o "$work/s" "$program" \
        2>"$work/said" || fail "$work/said"
    awk -f "$here/amd.awk" "$work/s"
}

# shellcheck disable=SC2086
compile_nvidia()
{
    clang-19 -x cl $options -target nvptx64-nvidia-nvcl -Xclang -target-cpu -Xclang "$target" -O3 -Xclang -mlink-builtin-bitcode \
        -Xclang "$isa_libclc/nvptx64--nvidiacl.bc" -Wno-linker-warnings -w -S -o "$work/ptx" "$program" 2>"$work/said" || fail "$work/said"
    "$isa_ptxas" -v -arch="$target" "$work/ptx" -o "$work/cubin" >"$work/said" 2>&1 || fail "$work/said"
    : >"$work/sass"
    if [ -n "$isa_nvdisasm" ] && grep -q -w -E "${ISA_PRODUCTS:-.}" "$program"; then    # it takes longer than compiling
        "$isa_nvdisasm" "$work/cubin" >"$work/sass" 2>/dev/null || fail "$work/sass"
    fi
    awk -f "$here/loops.awk" -f "$here/nvidia.awk" "$work/said" "$work/sass"
}

compile_intel()
{
    LD_LIBRARY_PATH=$isa_intel_libraries
    export LD_LIBRARY_PATH
    "$isa_ocloc" compile -file "$program" -device "$target" -options "$options" --format zebin -output "$work/binary" -output_no_suffix \
        >"$work/said" 2>&1 || fail "$work/said"
    [ -f "$work/binary" ] || fail "$work/said"
    mkdir "$work/dump"
    "$isa_ocloc" disasm -file "$work/binary" -device "$target" -dump "$work/dump" >/dev/null 2>&1 || true
    readelf -p .ze_info "$work/binary" >"$work/info"
    set -- "$work"/dump/.text.*.asm
    [ -f "$1" ] || set --
    awk -f "$here/loops.awk" -f "$here/intel.awk" "$work/said" "$work/info" "$@"
}

# What decides a result: the program, the compiler, and how its output is read.
key=$({
    cat "$program" "$here/compile.sh" "$here/amd.awk" "$here/nvidia.awk" "$here/intel.awk" "$here/loops.awk"
    echo "$options $target ${ISA_COMPILER:-} ${ISA_PRODUCTS:-}"
} | sha256sum | cut -d ' ' -f 1)
kept=$isa_cache/results/$key
if [ ! -f "$kept" ]; then
    case $target in
    gfx1100) compile_libclc ;;
    gfx*) compile_rocm ;;
    sm_*) compile_nvidia ;;
    *) compile_intel ;;
    esac >"$work/result"
    mkdir -p "${kept%/*}"
    cp "$work/result" "$kept.$$"
    mv -f "$kept.$$" "$kept"
fi
cat "$kept"
