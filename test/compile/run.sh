#!/bin/sh
# Other compilers have nothing to say of the sources, as strict C11:  sh run.sh gcc|clang|musl-gcc BUILD COMPILER
#
# The commands are those that BUILD was configured with for COMPILER (its compile_commands.json), given to the oldest and the newest compiler of that
# name on PATH (of clang, clang-15, clang-19). Nothing is linked, and little code made: gcc's warnings that come of optimising are seen by the build
# itself, which CI and the presets let stop at a warning. With musl's C library it is the library's objects, with the headers of packages that were
# built for another one.
set -eu

name=$1 build=$2 own=$3
case $name in
clang) package=clang options='-fsyntax-only -Wno-unknown-warning-option' ;;
musl-gcc) package=musl-tools options="-O0 -c -o /dev/null -idirafter /usr/include -idirafter /usr/include/$(gcc -print-multiarch 2>/dev/null || true)" ;;
*) package=$name options=-fsyntax-only ;;
esac

compilers=$(echo "$PATH" | tr ':' '\n' | while read -r folder; do
    for file in "$folder/$name" "$folder/$name"-[0-9]*; do
        [ ! -x "$file" ] || readlink -f "$file"
    done
done | sort -V -u | sed -n '1p;$p' | uniq)
if [ -z "$compilers" ]; then
    echo "SKIPPED: $name: the compiler is not here; install $package"
    exit 77
fi

commands=$(mktemp)
trap 'rm -f "$commands" "$commands.library"' EXIT
sed -n 's/^ *"command": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | sed 's/\\\(.\)/\1/g' >"$commands"
if [ "$name" = musl-gcc ]; then
    grep 'clmix_objects' "$commands" >"$commands.library"
    mv "$commands.library" "$commands"
fi
[ -s "$commands" ] || { echo "$build/compile_commands.json names no source"; exit 1; }

failed=0
for compiler in $compilers; do
    echo "-- $("$compiler" --version | head -n 1): $(grep -c . "$commands") sources"
    sed -e "s|^.*$own |$compiler |" -e "s| -o [^ ]* -c | $options -std=c11 -pedantic-errors -Werror |" "$commands" | tr '\n' '\0' |
        xargs -0 -P 2 -n 1 sh -c || failed=1
done
exit "$failed"
