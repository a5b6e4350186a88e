#!/bin/sh
# The README's examples work:  sh readme.sh REPOSITORY BUILD
#
# Every ```c block is a complete program, compiled as C11 and linked with the shared library. A comment in the line before a block says more:
#   <!-- test: program NAME -->   before a ```c block: the program is kept as ./NAME for the sh blocks after it
#   <!-- test: fragment -->       before a ```c block: not a program, left out
#   <!-- test: run -->            before a ```sh block: it is run and must succeed
# All blocks share one empty folder that is removed afterwards, in the order of the README, with build/bin in PATH. A sh block runs with `set -e`;
# CLMIX_REPOSITORY and CLMIX_TEST_DATA name the repository's root and the tests' data.
set -eu

root=$(cd "$1" && pwd)
build=$(cd "$2" && pwd)
readme=$root/README.md
[ -f "$readme" ] || { echo "SKIPPED: readme: there is no README.md"; exit 77; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
mkdir "$folder/blocks" "$folder/here"

# blocks/NNN.c or NNN.sh, with what the comment said in NNN.note and the line number in NNN.line
awk -v folder="$folder/blocks" '
    function say(text, suffix) { print text > (base suffix); close(base suffix) }
    inside && /^```[ \t]*$/ { inside = 0; if (base != "") close(base "." kind); note = ""; next }
    inside { if (base != "") print > (base "." kind); next }
    /^```/ {
        inside = 1
        kind = $0
        sub(/^```[ \t]*/, "", kind)
        sub(/[ \t].*/, "", kind)
        base = ""
        if (kind == "c" || kind == "sh") {
            base = sprintf("%s/%03d", folder, ++count)
            printf "" > (base "." kind)
            say(note, ".note")
            say(NR, ".line")
        }
        next
    }
    /^<!-- test: .* -->[ \t]*$/ { note = $0; sub(/^<!-- test: /, "", note); sub(/ -->.*$/, "", note); next }
    /[^ \t]/ { note = "" }
' "$readme"

compiled=0 ran=0 failed=0
cd "$folder/here"
for note_file in "$folder"/blocks/*.note; do
    [ -f "$note_file" ] || break
    base=${note_file%.note}
    note=$(cat "$note_file")
    where="README.md:$(cat "$base.line")"
    if [ -f "$base.c" ]; then
        name=$base.program
        case $note in
        fragment) continue ;;
        program\ *) name=./${note#program } ;;
        '') ;;
        *) echo "$where: what is 'test: $note'?"; failed=$((failed + 1)); continue ;;
        esac
        if ${CC:-cc} -std=c11 -Wall -Wextra -Werror -I"$root/include" -o "$name" "$base.c" -L"$build/lib" -Wl,-rpath,"$build/lib" -lclmix -lOpenCL -lm; then
            compiled=$((compiled + 1))
        else
            echo "$where: does not compile"
            failed=$((failed + 1))
        fi
    elif [ "$note" = run ]; then
        if PATH=$build/bin:$PATH CLMIX_REPOSITORY=$root CLMIX_TEST_DATA=$root/test/data sh -eu "$base.sh" >"$base.out" 2>&1; then
            ran=$((ran + 1))
        else
            echo "$where: fails:"
            tail -n 30 "$base.out"
            failed=$((failed + 1))
        fi
    elif [ -n "$note" ]; then
        echo "$where: what is 'test: $note'?"
        failed=$((failed + 1))
    fi
done
echo "$compiled programs compiled, $ran sh blocks run, $failed failed"
[ "$failed" -eq 0 ]
