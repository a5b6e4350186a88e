# Shared by the scripts of this folder, which set `machine` first: what is skipped where it cannot be made.
: "${machine:?is set by the script that reads this}"

skip()
{
    echo "SKIPPED: $machine: $1"
    exit 77
}

require_root()
{
    [ "$(id -u)" -eq 0 ] || skip "chroot takes root"
    command -v debootstrap >/dev/null || skip "the program debootstrap is not here; install debootstrap"
    unshare --mount --pid --fork --kill-child true 2>/dev/null || skip "this machine lets nobody mount (a container?)"
}

# The mirror of this machine, or none where it is no Debian: debootstrap has one of its own.
mirror()
{
    # shellcheck disable=SC2016  # for apt-get
    apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep '/debian/*$' | head -n 1
}

# COMMAND in /root/clmix of TREE, with what a login gives and VARIABLES of the environment. Nothing stays mounted and nothing stays running.
enter()    # enter TREE COMMAND VARIABLE=VALUE...
{
    # shellcheck disable=SC2016  # for the inner shells
    unshare --mount --pid --fork --kill-child sh -c '
        set -eu
        tree=$1 command=$2
        shift 2
        mount -t proc proc "$tree/proc"
        mount --rbind /sys "$tree/sys"
        mount --rbind /dev "$tree/dev"
        exec chroot "$tree" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LANG=C.UTF-8 "$@" \
            sh -c "cd /root/clmix && $command"' sh "$@"
}
