#!/bin/sh
# Each public header compiles alone, twice in a row, under strict warnings:  sh run.sh REPOSITORY c11|c++17
set -eu

root=$1 standard=$2
case $standard in
c11) language=c compiler=${CC:-cc} ;;
*) language=c++ compiler=${CXX:-c++} ;;
esac
if ! echo 'int nothing;' | "$compiler" -std="$standard" -x "$language" -fsyntax-only - 2>/dev/null; then
    echo "SKIPPED: headers as $standard: no compiler '$compiler' for it; install g++"
    exit 77
fi

failed=0 count=0
for header in "$root"/include/clmix/*.h; do
    name=clmix/${header##*/}
    printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' "$name" "$name" |
        "$compiler" -std="$standard" -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -DCL_TARGET_OPENCL_VERSION=120 -I"$root/include" \
            -x "$language" -fsyntax-only - || { echo "$name does not compile alone as $standard"; failed=$((failed + 1)); }
    # and for an application that says nothing about OpenCL's version
    printf '#include <%s>\n' "$name" | "$compiler" -std="$standard" -Wall -Wextra -Werror -I"$root/include" -x "$language" -fsyntax-only - ||
        { echo "$name does not compile without CL_TARGET_OPENCL_VERSION"; failed=$((failed + 1)); }
    count=$((count + 1))
done
echo "$count headers as $standard, $failed failures"
[ "$failed" -eq 0 ]
