#!/bin/sh
# Programs and their man pages name the same long options:  sh man.sh REPOSITORY BUILD
#
# Of a program's --help the list of options counts, of a page every word that begins with two hyphens, comments left out.
set -eu
root=$(cd "${1:-.}" && pwd)
bin=${2:-$root/build}/bin
. "$root/test/lint/common.sh"

options_of_help()    # options_of_help PROGRAM
{
    "$bin/$1" --help | awk '/^Options:/ { inside = 1; next } /^[ \t]*$/ { inside = 0 } inside && match($0, /--[a-z][a-z0-9-]*/) { print substr($0, RSTART, RLENGTH) }'
}

options_of_page()    # options_of_page FILE
{
    sed 's/\\-/-/g' "$1" | awk '
        /^\.\\"/ { next }
        {
            text = $0
            while (match(text, /--[a-z][a-z0-9-]*/)) {
                print substr(text, RSTART, RLENGTH)
                text = substr(text, RSTART + RLENGTH)
            }
        }' | sort -u
}

# missing WHAT WORDS IN OTHERS: every one of the words that is not among the others is a failure.
missing()
{
    for word in $2; do
        if ! echo "$4" | grep -q -x -e "$word"; then
            echo "$1: $word is not in $3"
            failures=$((failures + 1))
        fi
    done
}

if [ ! -x "$bin/clmix-info" ]; then
    echo "SKIPPED: man: the programs are not built"
    exit 77
fi
for source in "$root"/tools/clmix-*.c; do
    program=${source##*/}
    program=${program%.c}
    page=$root/tools/man/$program.1
    if [ ! -f "$page" ]; then
        echo "$program: there is no tools/man/$program.1"
        failures=$((failures + 1))
        continue
    fi
    if ! help=$(options_of_help "$program") || [ -z "$help" ]; then
        echo "$program: --help lists no options"
        failures=$((failures + 1))
        continue
    fi
    documented=$(options_of_page "$page")
    missing "$program --help" "$help" "tools/man/$program.1" "$documented"
    missing "tools/man/$program.1" "$documented" "$program --help" "$help"
done
for page in "$root"/tools/man/*.1; do
    program=${page##*/}
    if [ ! -f "$root/tools/${program%.1}.c" ]; then
        echo "tools/man/$program: there is no program of this name"
        failures=$((failures + 1))
    fi
done
finish
