#!/bin/sh
# No kernel looks at memory through pointers of two element types, which compilers may take for two memories: they move loads of one past stores of the
# other. Clang's syntax tree, macros in place, gives the types of every cast between pointers; both sides must have one element type.
#
# Allowed: a vector of the same element (float to an unaligned float16), and ushort to half, since memory for halves cannot be declared otherwise; that
# memory is then accessed by vload_half and vstore_half only.
set -eu
root=${1:-.}
folder=${2:-$root/cl}
. "$root/test/lint/common.sh"

clang=
for name in clang clang-19 clang-15 clang-14; do
    if [ -z "$clang" ] && command -v "$name" >/dev/null; then
        clang=$name
    fi
done
[ -n "$clang" ] || { echo "SKIPPED: lint: clang is not here"; exit 77; }
tree=$(mktemp)
trap 'rm -f "$tree"' EXIT

check()    # check FILE OPTION...
{
    file=$1
    shift
    if ! "$clang" -x cl -cl-std=CL1.2 -target spir64 -Xclang -finclude-default-header -Xclang -fdeclare-opencl-builtins -fsyntax-only -w \
        -Werror=incompatible-pointer-types -Xclang -ast-dump -fno-color-diagnostics -I"$folder" -I"$root/cl" "$@" "$file" >"$tree" 2>"$tree.said"; then
        head -n 5 "$tree.said"
        echo "${file##*/} does not compile with $*"
        failures=$((failures + 1))
    fi
    rm -f "$tree.said"
    found=$(awk -v file="${file##*/} ($*)" -f "$root/test/lint/aliasing.awk" "$tree")
    if [ -n "$found" ]; then
        echo "$found"
        failures=$((failures + 1))
    fi
}

for file in "$folder"/*.cl; do
    case $file in
    *_simt*) ;;
    *) check "$file" -DCLMIX_WIDE=1 -DVW=16 -DWG=1; check "$file" -DCLMIX_WIDE=1 -DVW=4 -DWG=1 ;;
    esac
    case $file in
    *_wide*) ;;
    *) check "$file" -DCLMIX_WIDE=0 -DVW=4 -DWG=64 ;;
    esac
done
finish
