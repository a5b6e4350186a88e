#!/bin/sh
# Installs the build tree under a temporary prefix, moves that prefix, and builds and runs a stranger's program by find_package and by pkg-config:
#   sh run.sh CMAKE FOLDER BUILD VERSION
set -eu

cmake=$1 here=$2 build=$3 version=$4
root=$here/../..
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM

"$cmake" --install "$build" --prefix "$folder/first" >"$folder/log" || { cat "$folder/log"; exit 1; }
mv "$folder/first" "$folder/prefix"    # an installed tree may be moved
prefix=$folder/prefix

for file in include/clmix/clmix.h include/clmix/status.h bin/clmix-info share/doc/clmix/LICENSE share/doc/clmix/README.md; do
    [ -f "$prefix/$file" ] || { echo "not installed: $file"; exit 1; }
done
library=$(find "$prefix" -name 'libclmix.so')
[ -n "$library" ] || { echo "not installed: libclmix.so"; exit 1; }
archive=$(find "$prefix" -name 'libclmix.a')
[ -n "$archive" ] || { echo "not installed: libclmix.a"; exit 1; }
if find "$prefix/include" -type f | grep -v '/clmix/[a-z_]*\.h$'; then
    echo "installed among the headers and no public header of clmix"
    exit 1
fi

# Only what carries CLMIX_API is offered by the one, and all that another library could mean by the same name is clmix_ in the other.
if command -v nm >/dev/null; then
    others=$(nm -D --defined-only "$library" | awk '$2 ~ /^[TDBRVW]$/ { print $3 }' | grep -v '^clmix_' || true)
    [ -z "$others" ] || { echo "the shared library offers symbols that are not clmix_: $others"; exit 1; }
    others=$(nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' | grep -v '^clmix_' || true)
    [ -z "$others" ] || { echo "the static library has global symbols that are not clmix_: $others"; exit 1; }
fi

version_of_program=$("$prefix/bin/clmix-info" --version)
case $version_of_program in
*"$version"*) ;;
*) echo "clmix-info --version says '$version_of_program', the project is $version"; exit 1 ;;
esac

echo "-- uninstalled again"
"$cmake" --install "$build" --prefix "$folder/second" >"$folder/log" || { cat "$folder/log"; exit 1; }
touch "$folder/second/include/mine.h"
mv "$build/install_manifest.txt" "$folder/manifest.txt"
"$cmake" -DMANIFEST="$folder/manifest.txt" -P "$root/lib/uninstall.cmake" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
left=$(find "$folder/second" -type f -o -type l -o -name clmix)
[ "$left" = "$folder/second/include/mine.h" ] || { echo "uninstalling leaves, or takes, what it should not: $left"; exit 1; }
if "$cmake" -DMANIFEST="$folder/manifest.txt" -P "$root/lib/uninstall.cmake" >"$folder/log" 2>&1; then
    echo "uninstalling what is not installed says nothing"
    exit 1
fi

echo "-- by find_package"
"$cmake" -S "$here/consumer" -B "$folder/consumer" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="${CC:-cc}" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
"$cmake" --build "$folder/consumer" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
"$folder/consumer/with_shared"
"$folder/consumer/with_static"

echo "-- by pkg-config"
if ! command -v pkg-config >/dev/null; then
    echo "pkg-config is not here: not tried"
    exit 0
fi
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name clmix.pc)")
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion clmix)" = "$version" ] || { echo "clmix.pc has another version than $version"; exit 1; }
# shellcheck disable=SC2046  # flags are words
"${CC:-cc}" -std=c11 -o "$folder/by_pkgconfig" "$here/consumer/main.c" $(pkg-config --cflags --libs clmix) -Wl,-rpath,"$(dirname "$library")"
"$folder/by_pkgconfig"
# shellcheck disable=SC2046
"${CC:-cc}" -std=c11 -c -o "$folder/main.o" "$here/consumer/main.c" $(pkg-config --cflags clmix)
# shellcheck disable=SC2046
"${CC:-cc}" -o "$folder/by_pkgconfig_static" "$folder/main.o" "$archive" $(pkg-config --libs --static clmix | sed 's/-lclmix//')
"$folder/by_pkgconfig_static"
