#!/bin/sh
# That check.sh finds what it looks for: each kernel of failing/ must be reported, and for its reason, with one compiler of each family.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
targets='' wrong=0
said=$(mktemp)
trap 'rm -f "$said"' EXIT

expect()    # expect ROW SENTENCE: the row of a kernel, and below it why it fails
{
    if ! grep -A 1 "^$1 " "$said" | grep -q "FAILED: $2"; then
        echo "$target: $1 was not reported as '$2'"
        wrong=1
    fi
}

for target in gfx906 sm_86 tgllp; do
    status=0
    sh "$here/check.sh" "$target" "$here/failing" >"$said" || status=$?
    if [ "$status" -eq 77 ]; then
        cat "$said"
        continue
    fi
    targets="$targets $target"
    [ "$status" -eq 1 ] || { echo "$target: exit status $status"; wrong=1; }
    expect spills 'spills registers'
    expect private_array 'keeps .* private arrays in memory'
    expect local_memory 'needs 40960 bytes of local memory'
    expect broken.cl 'does not compile: .*nothing'
    grep -q 'FAILED: no program has the kernel conv_product' "$said" || { echo "$target: a product that is not there was not missed"; wrong=1; }
    if ! grep '^gemm_simt ' "$said" | grep -q ' - '; then    # where there is a disassembler
        expect gemm_simt '0.* of the vector instructions .* are multiply-adds, not 0.70'
    fi
    [ "$wrong" -eq 0 ] || cat "$said"
done
[ -n "$targets" ] || exit 77
[ "$wrong" -eq 0 ] && echo "reported on$targets"
