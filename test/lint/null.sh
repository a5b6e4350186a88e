#!/bin/sh
# Every public function is called in test/unit_null.c with NULL in each place of a pointer:  sh null.sh REPOSITORY
set -eu
root=${1:-.}
. "$root/test/lint/common.sh"

# clmix/mpi.h is of another library, which only programs that use MPI link.
functions=$(sed -n '/^CLMIX_API/s/.*[ *]\(clmix_[a-z0-9_]*\)(.*/\1/p' "$root"/include/clmix/*.h | grep -v "^clmix_mpi_")
for function in $functions; do
    if ! grep -q -w "$function" "$root/test/unit_null.c"; then
        echo "$function does not appear in test/unit_null.c, which calls all public functions with NULL"
        failures=$((failures + 1))
    fi
done
finish
