#!/bin/sh
# clmix-train as several processes of an MPI program:  sh mpi.sh PROGRAMS
# PROGRAMS is the folder of clmix-train. Exit status: 77, with a reason, where there is no mpirun.
#
# What two processes learn is what one learns, and the same bits twice; processes of different runs are refused; one that is killed ends the run, and leaves a whole
# checkpoint.
set -eu

programs=${1:?usage: sh mpi.sh PROGRAMS}
# shellcheck source=test/hosts/common.sh
. "$(dirname "$0")/common.sh"
trap 'rm -rf "$folder"' EXIT
export OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo

train()    # train PROCESSES OUT [OPTION...]
{
    processes=$1 out=$2
    shift 2
    # shellcheck disable=SC2086  # lists of options
    if [ "$processes" = 1 ]; then
        "$programs/clmix-train" $run --epochs 2 --out "$folder/$out" "$@" >"$folder/$out.log" 2>&1
    else
        mpirun -n "$processes" "$programs/clmix-train" $run --epochs 2 --out "$folder/$out" "$@" >"$folder/$out.log" 2>&1
    fi
}

train 1 one || fail "one process: $(cat "$folder/one.log")"
train 2 two || fail "two processes: $(cat "$folder/two.log")"
train 2 again || fail "two processes: $(cat "$folder/again.log")"
near one two
same two again
[ "$(grep -c '^epoch' "$folder/two.log")" = 2 ] || fail "one process speaks for all: $(cat "$folder/two.log")"

# An option that one process has and another has not.
# shellcheck disable=SC2086
if mpirun -n 1 "$programs/clmix-train" $run --out "$folder/odd" : -n 1 "$programs/clmix-train" $run --seed 2 --out "$folder/odd" >"$folder/odd.log" 2>&1; then
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
