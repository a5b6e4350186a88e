#!/bin/sh
# Measures this machine, every figure of the README's part on speed:  sh bench/run.sh [FOLDER]
#
# Writes into FOLDER (default: bench/results)
#   <device>.jsonl        one JSON object a line: ceilings, each model in every mode, cold and warm starts, a step op by op, each op alone
#   <device>-peers.jsonl  what the peers say of themselves
#   <device>.html         a page of both
#   <device>.md           the README's table
# Environment: CLMIX_DEVICE (which device), CLMIX_BIN (default: build/bin), BENCH_SECONDS (for each model), and
#   BENCH_MODELS   words MODEL[+MIXER][@BATCH[xLENGTH]]: wavemix-32, vit+nystrom@32, lra-text+mra2:blocks_per_row=8@4x4096
#   BENCH_BATCH    the batch of those that name none (64)
#   BENCH_MODES    infer, forward, backward and train, or some of them
#   BENCH_PARTS    starts, models, profiles and ops, or some of them
#   BENCH_PEERS    other programs, one shell command a line, in which $model, $mixer, $mode (infer or train), $batch, $length and $seconds are
#                  set. Each prints lines with the same keys (README.md), or nothing for what it has no figure of; they are taken to be about the
#                  model that was asked for. They run by turns with ours, so that what else the machine does meets all.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=${CLMIX_BIN:-$here/../build/bin}
folder=${1:-$here/results}
models=${BENCH_MODELS:-wavemix-16 wavemix-32 wavemix-64 wavemix-128}
modes=${BENCH_MODES:-infer forward backward train}
parts=${BENCH_PARTS:-starts models profiles ops}
seconds=${BENCH_SECONDS:-10}
export model mixer batch length mode seconds

for part in $parts; do
    case $part in
    starts | models | profiles | ops) ;;
    *) echo "bench/run.sh: BENCH_PARTS has '$part'; there are starts, models, profiles and ops" >&2; exit 2 ;;
    esac
done
[ -x "$bin/clmix-bench" ] || { echo "bench/run.sh: no clmix-bench in $bin; build first, or set CLMIX_BIN" >&2; exit 1; }
mkdir -p "$folder"
ceilings=$("$bin/clmix-bench" ceilings --json)
device=$(echo "$ceilings" | sed 's/.*"device":"\([^"]*\)".*/\1/' | tr -c 'A-Za-z0-9\n' '-')
out=$folder/$device.jsonl
peers=$folder/$device-peers.jsonl
echo "$ceilings" >"$out"
: >"$peers"

has_part()    # has_part NAME
{
    case " $parts " in
    *" $1 "*) ;;
    *) return 1 ;;
    esac
}

# Takes a word of BENCH_MODELS apart.
read_row()    # read_row WORD
{
    model=${1%%@*}
    mixer=
    batch=${BENCH_BATCH:-64}
    length=
    case $1 in
    *@*) batch=${1##*@} ;;
    esac
    case $batch in
    *x*) length=${batch#*x} batch=${batch%x*} ;;
    esac
    case $model in
    *+*) mixer=${model#*+} model=${model%%+*} ;;
    esac
}

measure()    # measure COMMAND [OPTION...]: of that model
{
    command=$1
    shift
    "$bin/clmix-bench" "$command" "$model" --batch "$batch" "$@" ${mixer:+--mixer "$mixer"} ${length:+--length "$length"} --json >>"$out"
}

# A start is cold when neither clmix nor the driver has anything in its cache.
measure_starts()
{
    rm -rf "$caches/clmix" "$caches/driver"
    mkdir "$caches/driver"
    for start in cold warm; do
        echo "$row, $start start" >&2
        (
            export CLMIX_CACHE_DIR="$caches/clmix" POCL_CACHE_DIR="$caches/driver"
            measure start
        )
    done
}

# One turn of every peer. A peer that fails lacks its figures; the others keep theirs.
ask_peers()
{
    name=$(tail -n 1 "$out" | sed -n 's/.*"model":"\([^"]*\)".*/\1/p' | sed 's/[&|\\]/\\&/g')    # as clmix has just called it
    printf '%s\n' "${BENCH_PEERS:-}" | while IFS= read -r command; do
        if [ -n "$command" ]; then
            lines=$(sh -c "$command" </dev/null) || echo "bench/run.sh: $row, $mode: failed: $command" >&2
            [ -z "$lines" ] || printf '%s\n' "$lines" | sed "s|\"model\": *\"[^\"]*\"|\"model\":\"$name\"|" >>"$peers"
        fi
    done
}

measure_modes()
{
    for mode in $modes; do
        echo "$row, $mode" >&2
        measure model --mode "$mode" --seconds "$seconds"
        case $mode in
        infer | train) ask_peers ;;
        esac
    done
}

caches=$(mktemp -d)
trap 'rm -rf "$caches"' EXIT INT TERM
for row in $models; do
    read_row "$row"
    ! has_part starts || measure_starts
done
for row in $models; do
    read_row "$row"
    ! has_part models || measure_modes
    ! has_part profiles || measure profile
done
if has_part ops; then
    echo "ops" >&2
    "$bin/clmix-bench" ops --batch "${BENCH_BATCH:-64}" --json >>"$out"
fi

set -- "$out"
if [ -s "$peers" ]; then
    set -- "$out" "$peers"
fi
"$bin/clmix-bench" report "$@" --html "$folder/$device.html"
awk -f "$here/table.awk" "$@" | tee "$folder/$device.md"
echo "$out"
