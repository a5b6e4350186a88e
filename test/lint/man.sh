#!/bin/sh
# Programs and their man pages name the same long options and defaults:  sh man.sh REPOSITORY BUILD
#
# Of a program's --help the list of options counts, of a page every word that begins with two hyphens, comments left out. What stands in parentheses at the
# end of an option's line of --help is its default, and must stand in parentheses in the option's paragraph of the page, in the order of its heading.
set -eu
root=$(cd "${1:-.}" && pwd)
bin=${2:-$root/build}/bin
. "$root/test/lint/common.sh"

options_of_help()    # options_of_help PROGRAM
{
    "$bin/$1" --help | awk '/^Options:/ { inside = 1; next } /^[ \t]*$/ { inside = 0 } inside && match($0, /--[a-z][a-z0-9-]*/) { print substr($0, RSTART, RLENGTH) }'
}

defaults_of_help()    # defaults_of_help PROGRAM: lines of an option, a tab and its default
{
    "$bin/$1" --help | awk '/^Options:/ { inside = 1; next } /^[ \t]*$/ { inside = 0 }
        inside && match($0, /--[a-z][a-z0-9-]*/) {
            option = substr($0, RSTART, RLENGTH)
            if (match($0, /\([^()]*\)$/))
                print option "\t" substr($0, RSTART, RLENGTH)
        }'
}

# defaults_differ PROGRAM PAGE: a line for every default of --help that the page does not have.
defaults_differ()
{
    defaults_of_help "$1" | awk -v program="$1" '
        function tell(    i, at, rest) {
            rest = body
            for (i = 1; i <= named; i++)
                if (name[i] in value) {
                    at = index(rest, value[name[i]])
                    if (at == 0)
                        print program ".1: " name[i] ": the default " value[name[i]] " of --help is not there, or not in its place"
                    else
                        rest = substr(rest, at + length(value[name[i]]))
                    seen[name[i]] = 1
                }
            named = 0
            body = ""
        }
        FILENAME == "-" { split($0, field, "\t"); value[field[1]] = field[2]; next }
        { gsub(/\\-/, "-"); gsub(/\\f[BIR]/, "") }
        /^\.(TP|SH|PP)/ { tell() }
        /^\.SH/ { options = /OPTIONS/ }
        /^\.TP/ { heading = options; next }
        heading {
            heading = 0
            text = $0
            while (match(text, /--[a-z][a-z0-9-]*/)) {
                name[++named] = substr(text, RSTART, RLENGTH)
                text = substr(text, RSTART + RLENGTH)
            }
            next
        }
        { body = body " " $0 }
        END {
            tell()
            for (option in value)
                if (!(option in seen))
                    print program ".1: " option " has no paragraph of its own"
        }' - "$2"
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
    differing=$(defaults_differ "$program" "$page")
    if [ -n "$differing" ]; then
        echo "$differing"
        failures=$((failures + 1))
    fi
done
for page in "$root"/tools/man/*.1; do
    program=${page##*/}
    if [ ! -f "$root/tools/${program%.1}.c" ]; then
        echo "tools/man/$program: there is no program of this name"
        failures=$((failures + 1))
    fi
done
finish
