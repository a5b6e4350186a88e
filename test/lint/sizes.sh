#!/bin/sh
# Reports, and does not fail: a file is one idea, rarely over 600 lines (a kernel file 350).
set -eu
root=${1:-.}

long()    # long LIMIT FILE...
{
    limit=$1
    shift
    for file in "$@"; do
        [ -f "$file" ] || continue
        lines=$(wc -l <"$file")
        if [ "$lines" -gt "$limit" ]; then
            echo "${file#"$root"/}: $lines lines (over $limit)"
        fi
    done
}

long 600 "$root"/include/clmix/*.h "$root"/lib/*/*.[ch] "$root"/models/*.[ch] "$root"/models/*/*.[ch] "$root"/tools/*.[ch] "$root"/tools/*/*.[ch] "$root"/test/*.[ch] "$root"/bench/*.[ch]
long 350 "$root"/cl/*.cl "$root"/cl/*.h
echo "total: $(cat "$root"/include/clmix/*.h "$root"/lib/*/*.[ch] "$root"/models/*.[ch] "$root"/models/*/*.[ch] "$root"/tools/*.[ch] "$root"/tools/*/*.[ch] "$root"/cl/*.* 2>/dev/null | wc -l) lines of sources, kernels and programs"
