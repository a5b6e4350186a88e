#!/bin/sh
# Measures this machine:  sh bench/run.sh [FOLDER]
#
# Writes FOLDER/<device>.jsonl (default: bench/results), one JSON object a line: ceilings, each model in training and inference, each op alone.
# Environment: CLMIX_DEVICE (which device), CLMIX_BIN (default: build/bin), BENCH_MODELS, BENCH_BATCHES, BENCH_SECONDS, and
# BENCH_PEER: a command that takes "MODEL --batch N --mode train|infer --seconds S" and prints a line with the same keys (README.md); its
# results go to FOLDER/<device>-peer.jsonl, for clmix-bench compare.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=${CLMIX_BIN:-$here/../build/bin}
folder=${1:-$here/results}
models=${BENCH_MODELS:-wavemix-16 wavemix-32 wavemix-64}
batches=${BENCH_BATCHES:-64}
seconds=${BENCH_SECONDS:-10}

[ -x "$bin/clmix-bench" ] || { echo "bench/run.sh: no clmix-bench in $bin; build first, or set CLMIX_BIN" >&2; exit 1; }
mkdir -p "$folder"
ceilings=$("$bin/clmix-bench" ceilings --json)
device=$(echo "$ceilings" | sed 's/.*"device":"\([^"]*\)".*/\1/' | tr -c 'A-Za-z0-9\n' '-')
out=$folder/$device.jsonl
peer=$folder/$device-peer.jsonl

echo "$ceilings" >"$out"
if [ -n "${BENCH_PEER:-}" ]; then
    : >"$peer"
fi
for model in $models; do
    for mode in train infer; do
        for batch in $batches; do
            "$bin/clmix-bench" model "$model" --batch "$batch" --mode "$mode" --seconds "$seconds" --json >>"$out"
            if [ -n "${BENCH_PEER:-}" ]; then
                $BENCH_PEER "$model" --batch "$batch" --mode "$mode" --seconds "$seconds" >>"$peer"
            fi
        done
    done
done
"$bin/clmix-bench" ops --json >>"$out"
echo "$out"
if [ -n "${BENCH_PEER:-}" ]; then
    "$bin/clmix-bench" compare "$peer" "$out"
fi
