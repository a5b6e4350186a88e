#!/bin/sh
# Plants faults one at a time and expects the suite to see each:  sh test/mutate/run.sh [PATTERN]
#
#   PATTERN   of the faults' names (a regular expression); all without one. The list is faults.txt, whose head says how a fault is written.
#
# Works in a temporary copy of what git knows of the working tree: configures, builds the programs that the faults name, and runs them on PoCL, where they
# must pass; then the same with each fault, those of simt kernels in the simt form. Kernels are taken from, and kept in, this tree's build/platform where there is one ($CLMIX_TEST_STATE names
# another place). Prints a line a fault. Exit status: 0 all were caught; 1 one was not, changes nothing or does not build; 77 there is no PoCL.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
pattern=${1:-.}
: "${CMAKE_BUILD_PARALLEL_LEVEL:=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}"
if [ -z "${CLMIX_TEST_STATE:-}" ] && [ -d "$root/build/platform" ]; then
    CLMIX_TEST_STATE=$root/build/platform
    export CLMIX_TEST_STATE
fi
export CMAKE_BUILD_PARALLEL_LEVEL

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
trap 'exit 1' HUP INT TERM
log=$tree/log list=$tree/list

field()    # field LINE NUMBER
{
    printf '%s\n' "$1" | awk -F ' :: ' -v number="$2" '{ print $number }'
}

build()    # build PROGRAM...
{
    cmake --build "$tree/build" --target "$@" >"$log" 2>&1
}

# Whether every one of the programs passes. Statuses beyond 1 (a crash, ten minutes over) are failures too.
passes()    # passes FORM PROGRAM...
{
    form=$1
    shift
    for program in "$@"; do
        status=0
        CLMIX_BUILD_DIR=$tree/build timeout 600 sh "$tree/test/platform/run.sh" pocl "$form" "$tree/build/test/bin/$program" >"$log" 2>&1 || status=$?
        if [ "$status" -eq 77 ]; then
            cat "$log"
            exit 77
        fi
        [ "$status" -eq 0 ] || return 1
    done
}

# One fault, and what became of it. The list is not the programs' standard input.
plant()    # plant LINE
{
    file=$tree/$(field "$1" 2) programs=$(field "$1" 4) form=default
    case $file in
    */cl/*_simt*) form=simt ;;
    esac
    cp "$file" "$tree/kept"
    sed "$(field "$1" 3)" "$tree/kept" >"$file"
    # shellcheck disable=SC2086  # one word a program
    if cmp -s "$file" "$tree/kept"; then
        said="changes nothing"
    elif ! build $programs; then
        cat "$log"
        said="does not build"
    elif passes "$form" $programs; then
        said="NOT CAUGHT"
    else
        said=caught
    fi </dev/null
    cp "$tree/kept" "$file"
    echo "$said: $(field "$1" 1) ($programs)"
    [ "$said" = caught ]
}

grep -v -e '^#' -e '^$' "$here/faults.txt" | awk -F ' :: ' -v pattern="$pattern" '$1 ~ pattern' >"$list"
[ -s "$list" ] || { echo "no fault is named like '$pattern'" >&2; exit 1; }
programs=$(awk -F ' :: ' '{ print $4 }' "$list" | tr ' ' '\n' | sort -u)

(cd "$root" && git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - -f -) | tar -x -C "$tree" -f -
cmake -S "$tree" -B "$tree/build" -DCLMIX_TESTS=ON >"$log" 2>&1 || { cat "$log"; exit 1; }
# shellcheck disable=SC2086  # one word a program
build clmix-info $programs || { cat "$log"; exit 1; }
# shellcheck disable=SC2086
passes default $programs || { cat "$log"; echo "these fail without a fault"; exit 1; }

missed=0
while read -r line; do
    plant "$line" || missed=$((missed + 1))
done <"$list"
echo "$(wc -l <"$list") faults, $missed not caught"
[ "$missed" -eq 0 ]
