#!/bin/sh
# Trains on text:  sh bench/learn_text.sh [ROW...]
#
# Without rows all are trained, about two hours on two cores; --list says which there are. The text is WordNet's 117,659 definitions, out of Debian's package
# wordnet-base (set WORDNET to a folder with data.noun and the others where it is not installed), and ListOps trees drawn as the long-range arena draws them.
#   mlm-MIXER            bert-mini as a masked language model of definitions, in sequences of 128 tokens
#   glosses-scratch      bert-mini told from which of WordNet's 45 files a definition is
#   glosses-pretrained   the same, begun from the weights of mlm-softmax
#   listops-MIXER        MRA's model on trees of up to 2,000 tokens
# Writes into $LEARN_RESULTS (default: bench/results)
#   learning/ROW.jsonl         the run's log, a line an epoch
#   learning/ROW.score.json    what its best weights score on the test split, and what guessing by frequency alone would
#   learning_text.md, .svg     the table of all rows that have such a file, and a picture of it
# Environment: CLMIX_DEVICE (which device), CLMIX_BIN (default: build/bin), LEARN_RUNS (where runs are kept; default: a folder that is removed),
# LEARN_OPTIONS (clmix-train's, behind the recipe's own).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=${CLMIX_BIN:-$here/../build/bin}
folder=${LEARN_RESULTS:-$here/results}
wordnet=${WORDNET:-/usr/share/wordnet}
rows='mlm-softmax mlm-dct-64 mlm-dct-16 mlm-kerformer mlm-linear_elu mlm-mra2 glosses-scratch glosses-pretrained listops-kerformer listops-mra2'

# DCT-Former's recipe, shortened.
language='--optimizer adamw --beta2 0.98 --epsilon 1e-6 --weight-decay 0.01 --no-decay *bias* --schedule triangle --warmup 72 --rate 0.001'
language="$language --steps 1200 --batch 32 --clip-norm 1 --seed 1"
glosses='--optimizer adamw --beta2 0.98 --epsilon 1e-6 --weight-decay 0.01 --no-decay *bias* --schedule triangle --warmup 60 --rate 0.0003'
glosses="$glosses --steps 1000 --batch 64 --clip-norm 1 --seed 1"
# MRA's, of the long-range arena, at ten times its rate: at 0.0005 and with an epsilon of 1e-6 2,500 steps taught nothing.
listops='--optimizer adamw --weight-decay 0 --schedule onecycle --warmup 500 --rate 0.001 --steps 5000 --batch 32 --clip-norm 0 --seed 1'

fail()
{
    echo "bench/learn_text.sh: $1" >&2
    exit 1
}

train()    # train ROW DATA OPTION...: and scores the best weights on the test split
{
    row=$1
    data=$2
    shift 2
    echo "clmix-train --data $data $*" >&2
    # The user's options are words.
    # shellcheck disable=SC2086
    "$bin/clmix-train" --data "$data" --out "$row" "$@" ${LEARN_OPTIONS:-} || return 1
    cp "$row/log.jsonl" "$folder/learning/$row.jsonl"
    "$bin/clmix-predict" "$row/model.safetensors" --data "$data" --split test --json >"$folder/learning/$row.score.json"
}

# A row's name behind its first dash, as --mixer has it.
mixer_of()
{
    case $1 in
    *-dct-*) echo "dct:coefficients=${1##*-}" ;;
    *-mra2) echo "mra2:blocks_per_row=${2:-2}" ;;
    *) echo "${1#*-}" ;;
    esac
}

prepare()    # the definitions as text, and their vocabulary
{
    [ ! -f "$texts/vocab.txt" ] || return 0
    [ -f "$wordnet/data.noun" ] || fail "no $wordnet/data.noun: install Debian's package wordnet-base, or set WORDNET"
    mkdir -p "$texts"
    awk -v folder="$texts" -f "$here/glosses.awk" "$wordnet/data.noun" "$wordnet/data.verb" "$wordnet/data.adj" "$wordnet/data.adv" >&2
    "$bin/clmix-vocab" "$texts/text/train/glosses.txt" --size 8192 --out "$texts/vocab.txt" >&2
}

row()    # row NAME
{
    case $1 in
    mlm-*)
        prepare
        # shellcheck disable=SC2086
        train "$1" "text:$texts/text,vocab=$texts/vocab.txt,length=128" --model bert-mini --mixer "$(mixer_of "$1")" $language
        ;;
    glosses-scratch)
        prepare
        # shellcheck disable=SC2086
        train "$1" "tsv:$texts/train.tsv,vocab=$texts/vocab.txt,length=128" --model bert-mini --set head=classify --set classes=45 $glosses
        ;;
    glosses-pretrained)
        [ -f mlm-softmax/model.safetensors ] || row mlm-softmax
        # shellcheck disable=SC2086
        train "$1" "tsv:$texts/train.tsv,vocab=$texts/vocab.txt,length=128" --model bert-mini --set head=classify --set classes=45 $glosses \
            --init mlm-softmax/model.safetensors
        ;;
    listops-*)
        # shellcheck disable=SC2086
        train "$1" listops --model "lra-$1" $listops
        ;;
    *) fail "there is no row '$1'; there are: $rows" ;;
    esac
}

if [ "${1:-}" = --list ]; then
    echo "$rows"
    exit 0
fi
[ -x "$bin/clmix-train" ] || fail "no clmix-train in $bin; build first, or set CLMIX_BIN"
mkdir -p "$folder/learning"
bin=$(cd "$bin" && pwd)
folder=$(cd "$folder" && pwd)
[ ! -d "$wordnet" ] || wordnet=$(cd "$wordnet" && pwd)
if [ -n "${LEARN_RUNS:-}" ]; then
    runs=$LEARN_RUNS
    mkdir -p "$runs"
else
    runs=$(mktemp -d)
    trap 'rm -rf "$runs"' EXIT
    trap 'exit 130' INT TERM
fi
cd "$runs"    # so that what is kept names no folder of this machine
texts=definitions
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $rows
failed=
for name in "$@"; do
    row "$name" || failed="$failed $name"
done

for name in $rows; do
    [ ! -f "$folder/learning/$name.score.json" ] || awk -v row="$name" -f "$here/json.awk" -f "$here/learn_text.awk" "$folder/learning/$name.score.json"
done | {
    printf '| row | held-out loss | by frequency alone | nats below it | accuracy |\n| --- | --- | --- | --- | --- |\n'
    cat
} >"$folder/learning_text.md"
awk -f "$here/learn_plot.awk" "$folder/learning_text.md" >"$folder/learning_text.svg"
cat "$folder/learning_text.md"
[ -z "$failed" ] || fail "these rows failed:$failed"
