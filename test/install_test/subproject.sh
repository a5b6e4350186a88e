#!/bin/sh
# clmix as a part of another project, which gets the two libraries and nothing else:  sh subproject.sh CMAKE FOLDER REPOSITORY subdirectory|fetch
set -eu

cmake=$1 here=$2 root=$3 way=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
tree=$folder/tree

quietly()
{
    "$@" >"$folder/log" 2>&1 || { cat "$folder/log"; echo "FAILED: $*"; exit 1; }
}

# Without optimising: what is built is tried, not measured.
quietly "$cmake" -S "$here/parent" -B "$tree" -DCMAKE_C_COMPILER="${CC:-cc}" -DCMAKE_C_FLAGS=-O0 -DCLMIX_SOURCE="$root" -DWAY="$way"
if grep -q '^CMAKE_BUILD_TYPE:[A-Z]*=.' "$tree/CMakeCache.txt"; then
    echo "the parent's kind of build was set: $(grep '^CMAKE_BUILD_TYPE' "$tree/CMakeCache.txt")"
    exit 1
fi
quietly "$cmake" --build "$tree" --parallel 2
if grep -n 'warning: ' "$folder/log"; then
    echo "the parent's build shows warnings of clmix"
    exit 1
fi
"$tree/with_shared"
"$tree/with_static"

tests=$(cd "$tree" && ctest -N | sed -n 's/^ *Test *#[0-9]*: //p')
[ "$tests" = parent ] || { echo "among the parent's tests: $tests"; exit 1; }
programs=$(find "$tree" -name 'clmix-*' -type f -perm -u+x)
[ -z "$programs" ] || { echo "built though nobody asked for it: $programs"; exit 1; }

quietly "$cmake" --install "$tree" --prefix "$folder/prefix"
installed=$(cd "$folder/prefix" && find . -type f)
[ "$installed" = ./bin/with_static ] || { echo "the parent's installation has more than the parent's: $installed"; exit 1; }
echo "ok"
