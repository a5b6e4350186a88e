#!/bin/sh
# The pages of the public headers are made without a warning, and every public function is on one:  sh doc.sh ROOT
set -eu
root=$(cd "${1:-.}" && pwd)
. "$root/test/lint/common.sh"
command -v doxygen >/dev/null || { echo "SKIPPED: lint.doc: doxygen is not here; sh tools/setup.sh test installs it"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

CLMIX_ROOT=$root CLMIX_DOC=$work CLMIX_VERSION=test doxygen "$root/lib/doc/Doxyfile" >"$work/said" 2>&1 || failures=$((failures + 1))
if [ -s "$work/said" ]; then
    sed "s|$root/||" "$work/said" | sort -u
    echo "  ^ each type, member, macro and function of a public header has a comment, before it or behind it; names in comments are there"
    failures=$((failures + 1))
fi
functions=$(sed -n '/^CLMIX_API/s/.*[ *]\(clmix_[a-z0-9_]*\)(.*/\1/p' "$root"/include/clmix/*.h)
for function in $functions; do
    if ! grep -q "<name>$function</name>" "$work/clmix.tag"; then
        echo "$function is on no page"
        failures=$((failures + 1))
    fi
done
finish
