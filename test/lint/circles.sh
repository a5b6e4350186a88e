#!/bin/sh
# Calls run one way: the files of a folder have no circle among them, and no layer calls one that it may not lean on. Read from the compiled library,
# so that nothing is missed: which object defines a symbol, and which ones use it.   sh circles.sh ROOT BUILD
set -eu
root=${1:-.} build=${2:-build}
. "$root/test/lint/layers.sh"

for tool in nm tsort; do
    command -v "$tool" >/dev/null || { echo "SKIPPED: lint.circles: the program $tool is not here"; exit 77; }
done
objects=$build/lib/CMakeFiles/clmix_objects.dir
[ -d "$objects" ] || { echo "SKIPPED: lint.circles: no objects in $objects; another generator than make or ninja made this build"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# "user owner symbol" a line, files as layer/name.
list_uses()
{
    (cd "$objects" && find . -name '*.c.o' ! -name 'clmix_embedded.*' ! -name 'clmix_presets.*' -exec nm -A -g -P {} +) | awk '
    {
        file = $1
        sub(/:$/, "", file); sub(/\.c\.o$/, "", file); sub(/^\.\//, "", file); sub(/^__\//, "", file)
        if ($3 == "U")
            users[$2] = users[$2] " " file
        else
            owner[$2] = file
    }
    END {
        for (symbol in users) {
            count = split(users[symbol], user, " ")
            for (i = 1; i <= count; i++)
                if (symbol in owner && owner[symbol] != user[i])
                    print user[i], owner[symbol], symbol
        }
    }' | sort -u
}
list_uses | while read -r user owner symbol; do    # objects of files that are gone lie about in old build trees
    for file in "$user" "$owner"; do
        [ -f "$root/lib/$file.c" ] || [ -f "$root/$file.c" ] || continue 2
    done
    echo "$user $owner $symbol"
done >"$work/uses"
[ -s "$work/uses" ] || { echo "no calls between the objects of $objects: this test looks at nothing"; exit 1; }

wrong=no
for layer in $layers; do
    may=" $(allowed "$layer") "
    awk -v layer="$layer" -v may="$may" '{ split($1, from, "/"); split($2, to, "/") }
        from[1] == layer && index(may, " " to[1] " ") == 0 { print $1 " uses " $3 " of " $2 ", but " layer " may lean only on:" may }' "$work/uses" >"$work/up"
    if [ -s "$work/up" ]; then
        cat "$work/up"
        wrong=yes
    fi
    awk -v layer="$layer" '{ split($1, from, "/"); split($2, to, "/") } from[1] == layer && to[1] == layer { print $1, $2 }' "$work/uses" |
        sort -u >"$work/calls"
    if ! tsort "$work/calls" >/dev/null 2>"$work/loops"; then
        echo "$layer: a circle of files; what the lower ones call belongs in a file below them"
        sed -n "s/^tsort: \($layer\/.*\)/\1/p" "$work/loops" | sort -u >"$work/members"
        awk 'NR == FNR { member[$1]; next } ($1 in member) && ($2 in member) { print "  " $1 " -> " $2 "  " $3 }' "$work/members" "$work/uses"
        wrong=yes
    fi
done
[ "$wrong" = no ] || exit 1
echo "ok: $(wc -l <"$work/uses") uses, no circle"
