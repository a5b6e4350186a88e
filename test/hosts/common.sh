# Shared by the scripts of this folder, which set `programs` first: MPI as the tests use it, a small run, and comparisons of runs.
: "${programs:?is set by the script that reads this}"

skip()
{
    echo "SKIPPED: $1"
    exit 77
}

command -v mpirun >/dev/null || skip "mpirun is not here; install openmpi-bin and libopenmpi-dev"
ls "$programs"/../lib/libclmix-mpi.so.* >/dev/null 2>&1 || skip "clmix was built without MPI"
folder=$(mktemp -d)
# Open MPI's own refusals: of root, and of more processes than processors.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl=self,vader,tcp
export OMPI_MCA_hwloc_base_binding_policy=none POCL_MAX_PTHREAD_COUNT=1
# shellcheck disable=SC2034  # the scripts use it
run='--model vit --set image_size=16 --set patch_size=8 --set dim=16 --set depth=2 --set heads=2 --set head_dim=8 --set mlp_dim=16
    --data shapes:size=16,train=72,test=40 --batch 16 --rate 0.01 --warmup 2'

fail()
{
    echo "FAILED: $*"
    exit 1
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
