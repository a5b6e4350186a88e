#!/bin/sh
# Trains every pair of backbone and mixer of Vision X-formers from one recipe:  sh bench/learn.sh DATA [ROW...]
#
# DATA is cifar10:DIR, or another set of 32x32 pictures; a ROW is a preset of the list below, and without any all are trained: some two minutes
# each on two cores. Patches and strides are coarser than the papers', so that each has 64 tokens, or 65 with a class token; all else is the preset's.
# Writes into $LEARN_RESULTS (default: bench/results)
#   learning/ROW.jsonl     the run's log, a line an epoch
#   learning.md            the table of all rows that have a log
# One row again:  sh bench/learn.sh DATA vin
# Environment: CLMIX_DEVICE (which device), CLMIX_BIN (default: build/bin), LEARN_OPTIONS (clmix-train's, behind the recipe's own).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=${CLMIX_BIN:-$here/../build/bin}
folder=${LEARN_RESULTS:-$here/results}
recipe='--epochs 5 --batch 64 --rate 0.003 --warmup 100 --weight-decay 0.05 --clip-norm 1 --seed 1'

# Presets, and how each family comes to its tokens.
list()
{
    for row in vit vip vil vin fnet mlp-mixer vit-rope vip-rope vil-rope vin-rope; do
        echo "$row --set patch_size=4"
    done
    for row in levit levip levil levin; do
        echo "$row --set stem_stride=4"
    done
    for row in cct ccp ccl ccn; do
        echo "$row --set conv_stride=[2,2,1]"
    done
    for row in cvt cvp cvl cvn; do
        echo "$row --set embed_stride=[4,1,1] --set embed_kernel=[7,3,3]"
    done
    for row in pit pip pin; do
        echo "$row --set patch_size=4 --set patch_stride=4"
    done
}

# Landmarks and projected lengths that suit 64 tokens.
shorter()    # shorter ROW
{
    case $1 in
    *il | *il-rope | ccl | cvl) echo "--mixer linformer:projection=32" ;;
    *in | *in-rope | ccn | cvn) echo "--mixer nystrom:landmarks=16" ;;
    esac
}

fail()
{
    echo "bench/learn.sh: $1" >&2
    exit 1
}

train()    # train ROW OPTION...
{
    row=$1
    shift
    echo "clmix-train --model $row --data $data $* $recipe" >&2
    # The recipe's and the user's options are words.
    # shellcheck disable=SC2086
    "$bin/clmix-train" --model "$row" --data "$data" --out "$runs/$row" "$@" $recipe ${LEARN_OPTIONS:-} &&
        cp "$runs/$row/log.jsonl" "$folder/learning/$row.jsonl"
}

[ $# -gt 0 ] || fail "which data? as in: sh bench/learn.sh cifar10:DIR"
[ -x "$bin/clmix-train" ] || fail "no clmix-train in $bin; build first, or set CLMIX_BIN"
data=$1
shift
mkdir -p "$folder/learning"
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
trap 'exit 130' INT TERM

# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(list | cut -d' ' -f1)
failed=
for row in "$@"; do
    options=$(list | sed -n "s/^$row //p")
    [ -n "$options" ] || fail "there is no row '$row'; there are: $(list | cut -d' ' -f1 | tr '\n' ' ')"
    # shellcheck disable=SC2046,SC2086
    train "$row" $(shorter "$row") $options || failed="$failed $row"
done

list | while read -r row options; do
    [ ! -f "$folder/learning/$row.jsonl" ] || awk -v row="$row" -v options="$(shorter "$row") $options" -f "$here/json.awk" -f "$here/learn.awk" "$folder/learning/$row.jsonl"
done | { printf '| model | options | best top-1 | epoch | top-5 | test loss |\n| --- | --- | --- | --- | --- | --- |\n'; cat; } >"$folder/learning.md"
cat "$folder/learning.md"
[ -z "$failed" ] || fail "these rows failed:$failed"
