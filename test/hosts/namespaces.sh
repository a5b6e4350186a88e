#!/bin/sh
# clmix-train on two hosts that are namespaces of this one:  sh namespaces.sh PROGRAMS
# Each has a network and a name of its own, and they reach one another by a wire between the two. Exit status: 77, with a reason, where that cannot be.
#
# Two processes on each: sums are made within a host first, and the run is that of one process all the same, with the same bits twice.
set -eu

programs=${1:?usage: sh namespaces.sh PROGRAMS}
# shellcheck source=test/hosts/common.sh
. "$(dirname "$0")/common.sh"
first=clmix$$a second=clmix$$b

clear()
{
    ip netns del "$first" 2>/dev/null || true
    ip netns del "$second" 2>/dev/null || true
    rm -rf "$folder"
}
trap clear EXIT

command -v ip >/dev/null || skip "ip is not here; install iproute2"
if ! ip netns add "$first" 2>/dev/null || ! ip netns add "$second" 2>/dev/null ||
    ! ip -n "$first" link add wire type veth peer name wire netns "$second" 2>/dev/null || ! unshare --uts true 2>/dev/null; then
    skip "this machine lets nobody make a network (no root, or a container)"
fi
ip -n "$first" addr add 10.77.0.1/24 dev wire
ip -n "$second" addr add 10.77.0.2/24 dev wire
for name in "$first" "$second"; do
    ip -n "$name" link set wire up
    ip -n "$name" link set lo up
done

# What starts a process on the other host: agent HOST COMMAND...
cat >"$folder/agent" <<END
#!/bin/sh
shift
exec ip netns exec $second unshare --uts sh -c "hostname clmix-second; \$*"
END
chmod +x "$folder/agent"
export OMPI_MCA_plm_rsh_agent="$folder/agent" OMPI_MCA_btl_tcp_if_include=10.77.0.0/24 OMPI_MCA_oob_tcp_if_include=10.77.0.0/24

train()    # train OUT
{
    # shellcheck disable=SC2086,SC2016  # a list of options; for the inner shell
    timeout 120 ip netns exec "$first" unshare --uts sh -c 'hostname clmix-first; exec "$@"' sh mpirun --host 10.77.0.1:2,10.77.0.2:2 -n 4 \
        -x POCL_MAX_PTHREAD_COUNT -x OCL_ICD_VENDORS -x CLMIX_CACHE_DIR -x CLMIX_DEVICE -x CLMIX_TUNE \
        "$programs/clmix-train" $run --epochs 2 --out "$folder/$1" >"$folder/$1.log" 2>&1
}

# shellcheck disable=SC2086
"$programs/clmix-train" $run --epochs 2 --out "$folder/one" >"$folder/one.log" 2>&1 || fail "one process: $(cat "$folder/one.log")"
train hosts || fail "four processes on two hosts: $(cat "$folder/hosts.log")"
train again || fail "four processes on two hosts: $(cat "$folder/again.log")"
near one hosts
same hosts again
echo "two hosts of two processes end with losses $(losses hosts | tail -n 1)"
