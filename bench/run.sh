#!/bin/sh
# Measures this machine, every figure of the README's part on speed:  sh bench/run.sh [FOLDER]
#
# Writes into FOLDER (default: bench/results)
#   <device>.jsonl        one JSON object a line: ceilings, each model in every mode, cold and warm starts, a step op by op, each op alone
#   <device>-peers.jsonl  what the peers say of themselves
#   <device>.html         a page of both
#   <device>.md           the README's table
# Environment: CLMIX_DEVICE (which device), CLMIX_BIN (default: build/bin), BENCH_MODELS, BENCH_BATCH, BENCH_SECONDS (for each model), and
# BENCH_PEERS: other programs, one shell command a line, in which $model, $mode (infer or train), $batch and $seconds are set. Each prints lines with
# the same keys (README.md), or nothing for what it has no figure of. They run by turns with ours, so that what else the machine does meets all.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=${CLMIX_BIN:-$here/../build/bin}
folder=${1:-$here/results}
models=${BENCH_MODELS:-wavemix-16 wavemix-32 wavemix-64 wavemix-128}
batch=${BENCH_BATCH:-64}
seconds=${BENCH_SECONDS:-10}
export batch seconds

[ -x "$bin/clmix-bench" ] || { echo "bench/run.sh: no clmix-bench in $bin; build first, or set CLMIX_BIN" >&2; exit 1; }
mkdir -p "$folder"
ceilings=$("$bin/clmix-bench" ceilings --json)
device=$(echo "$ceilings" | sed 's/.*"device":"\([^"]*\)".*/\1/' | tr -c 'A-Za-z0-9\n' '-')
out=$folder/$device.jsonl
peers=$folder/$device-peers.jsonl
echo "$ceilings" >"$out"
: >"$peers"

# A start is cold when neither clmix nor the driver has anything in its cache.
caches=$(mktemp -d)
trap 'rm -rf "$caches"' EXIT INT TERM
for model in $models; do
    rm -rf "$caches/clmix" "$caches/driver"
    mkdir "$caches/driver"
    for start in cold warm; do
        echo "$model, $start start" >&2
        CLMIX_CACHE_DIR=$caches/clmix POCL_CACHE_DIR=$caches/driver "$bin/clmix-bench" start "$model" --batch "$batch" --json >>"$out"
    done
done

# One turn of every peer. A peer that fails lacks its figures; the others keep theirs.
ask_peers()    # ask_peers MODEL MODE
{
    printf '%s\n' "${BENCH_PEERS:-}" | while IFS= read -r command; do
        if [ -n "$command" ]; then
            model=$1 mode=$2 sh -c "$command" </dev/null >>"$peers" || echo "bench/run.sh: $1, $2: failed: $command" >&2
        fi
    done
}

for model in $models; do
    for mode in infer forward backward train; do
        echo "$model, $mode" >&2
        "$bin/clmix-bench" model "$model" --batch "$batch" --mode "$mode" --seconds "$seconds" --json >>"$out"
        case $mode in
        infer | train) ask_peers "$model" "$mode" ;;
        esac
    done
    "$bin/clmix-bench" profile "$model" --batch "$batch" --json >>"$out"
done
echo "ops" >&2
"$bin/clmix-bench" ops --batch "$batch" --json >>"$out"

set -- "$out"
if [ -s "$peers" ]; then
    set -- "$out" "$peers"
fi
"$bin/clmix-bench" report "$@" --html "$folder/$device.html"
awk -f "$here/table.awk" "$@" | tee "$folder/$device.md"
echo "$out"
