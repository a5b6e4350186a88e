#!/bin/sh
# clmix-train as several processes of an MPI program:  sh mpi.sh PROGRAMS
# PROGRAMS is the folder of clmix-train. Exit status: 77, with a reason, where there is no mpirun.
#
# What two processes learn is what one learns, and the same bits twice; processes of different runs are refused; one that is killed ends the run, and leaves a whole
# checkpoint.
set -eu

programs=${1:?usage: sh mpi.sh PROGRAMS}
if ! command -v mpirun >/dev/null; then
    echo "SKIPPED: mpirun is not here; install openmpi-bin and libopenmpi-dev"
    exit 77
fi
if ! ls "$programs"/../lib/libclmix-mpi.so.* >/dev/null 2>&1; then
    echo "SKIPPED: clmix was built without MPI"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Open MPI's own refusals: of root, of more processes than processors; and no network but this host's.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl=self,vader,tcp
export OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo OMPI_MCA_hwloc_base_binding_policy=none POCL_MAX_PTHREAD_COUNT=1
model='--model vit --set image_size=16 --set patch_size=8 --set dim=16 --set depth=2 --set heads=2 --set head_dim=8 --set mlp_dim=16'
data='--data shapes:size=16,train=72,test=40 --batch 16 --rate 0.01 --warmup 2'

fail()
{
    echo "FAILED: $*"
    exit 1
}

train()    # train PROCESSES OUT [OPTION...]
{
    processes=$1 out=$2
    shift 2
    # shellcheck disable=SC2086  # lists of options
    if [ "$processes" = 1 ]; then
        "$programs/clmix-train" $model $data --epochs 2 --out "$folder/$out" "$@" >"$folder/$out.log" 2>&1
    else
        mpirun -n "$processes" "$programs/clmix-train" $model $data --epochs 2 --out "$folder/$out" "$@" >"$folder/$out.log" 2>&1
    fi
}

# Losses of the log, an epoch a line.
losses()
{
    sed 's/.*"train_loss":\([0-9.e-]*\).*"test_loss":\([0-9.e-]*\).*/\1 \2/' "$folder/$1/log.jsonl"
}

near()    # near ONE OTHER: their losses
{
    losses "$1" >"$folder/a" && losses "$2" >"$folder/b"
    paste -d ' ' "$folder/a" "$folder/b" | awk 'function far(x, y) { return x - y > 1e-4 || y - x > 1e-4 }
        far($1, $3) || far($2, $4) { bad = 1 } END { exit bad || NR != 2 }' || fail "$1 and $2 differ: $(cat "$folder/a" "$folder/b")"
}

same()    # same ONE OTHER: bit for bit
{
    cmp -s "$folder/$1/model.safetensors" "$folder/$2/model.safetensors" || fail "the weights of $1 and $2 are not the same"
}

train 1 one || fail "one process: $(cat "$folder/one.log")"
train 2 two || fail "two processes: $(cat "$folder/two.log")"
train 2 again || fail "two processes: $(cat "$folder/again.log")"
near one two
same two again
[ "$(grep -c '^epoch' "$folder/two.log")" = 2 ] || fail "one process speaks for all: $(cat "$folder/two.log")"

# An option that one process has and another has not.
# shellcheck disable=SC2086
if mpirun -n 1 "$programs/clmix-train" $model $data --out "$folder/odd" : -n 1 "$programs/clmix-train" $model $data --seed 2 --out "$folder/odd" >"$folder/odd.log" 2>&1; then
    fail "processes with different seeds train together"
fi
grep -q 'start all of them with the same command' "$folder/odd.log" || fail "no sentence: $(cat "$folder/odd.log")"

# One is killed when the first checkpoint is there.
(
    for _ in $(seq 300); do
        [ ! -f "$folder/killed/checkpoint.safetensors" ] || break
        sleep 0.1
    done
    pkill -KILL -n -f -- "--out $folder/killed" || true
) &
if train 2 killed --epochs 4000; then
    fail "a run ends well though a process was killed"
fi
wait
grep -q -i 'process' "$folder/killed.log" || fail "nobody tells that a process is gone: $(cat "$folder/killed.log")"
rm -f "$folder/killed/lock"
"$programs/clmix-train" --resume "$folder/killed" --dry-run >"$folder/killed.log" 2>&1 ||
    fail "the checkpoint is not whole: $(cat "$folder/killed.log")"
echo "one and two processes end with losses $(losses two | tail -n 1)"
