#!/bin/sh
# Runs a command of this checkout on a Debian that has nothing installed, which is what a newcomer's machine is:
#
#   sh test/fresh/debian.sh [--keep NAME] SUITE COMMAND      such as  trixie 'sh tools/quickstart.sh'
#
#   SUITE         bookworm (12), trixie (13), sid; or any other that debootstrap knows
#   --keep NAME   the machine stays when the command is done, and the next command that says so finds it as it was, but for the sources, which are
#                 laid anew (what was built in build/ and build-*/ stays)
#
# Needs root, debootstrap and the network. The machine is a folder that the command runs in by chroot, in namespaces of its own, so that nothing stays
# mounted and nothing stays running however it ends. The command is root there, in a copy of the working tree without its build folders. The mirror,
# proxies and certificates are this machine's. The base system and the packages that commands install are kept in the cache for 30 days (150 MB and up).
# Exit status: the command's; 77, with a reason, where such a machine cannot be made.
set -eu

usage()
{
    echo "usage: sh debian.sh [--keep NAME] SUITE COMMAND" >&2
    exit 2
}

name=
if [ "${1:-}" = --keep ]; then
    [ $# -ge 2 ] || usage
    name=$2
    shift 2
fi
[ $# -eq 2 ] || usage
suite=$1 command=$2
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/clmix/fresh/$suite
base=$cache/base
packages=$cache/packages
# shellcheck disable=SC2034  # common.sh uses it
machine=fresh-$suite
. "$here/common.sh"

make_base()
{
    if [ -n "$(find "$base.done" -mtime -30 2>/dev/null)" ]; then
        return
    fi
    rm -rf --one-file-system "$base" "$base.done" "$packages"
    # shellcheck disable=SC2046  # no mirror is no word
    if ! debootstrap --variant=minbase --include=ca-certificates "$suite" "$base" $(mirror) >"$base.log" 2>&1; then
        said=$(tail -n 1 "$base.log")
        rm -rf --one-file-system "$base"
        skip "debootstrap has no base system: $said"
    fi
    mkdir -p "$packages"
    : >"$base.done"
}

# What lets this machine reach its mirrors lets the new one.
take_over_network()    # take_over_network TREE
{
    cat /etc/resolv.conf >"$1/etc/resolv.conf" 2>/dev/null || true
    cat /etc/ssl/certs/ca-certificates.crt >"$1/etc/ssl/certs/ca-certificates.crt" 2>/dev/null || true
    cp /etc/pip.conf "$1/etc/" 2>/dev/null || true
    apt-config dump 2>/dev/null | grep -E '^Acquire::https?::' >"$1/etc/apt/apt.conf.d/90clmix-network" || true
}

make_machine()    # make_machine TREE
{
    rm -rf --one-file-system "$1.new"
    cp -a "$base" "$1.new"
    take_over_network "$1.new"
    echo force-unsafe-io >"$1.new/etc/dpkg/dpkg.cfg.d/90clmix-temporary"    # nothing here must survive a power cut
    echo 'APT::Keep-Downloaded-Packages "true";' >"$1.new/etc/apt/apt.conf.d/90clmix-packages"
    mkdir -p "$1.new/root/clmix"
    mv "$1.new" "$1"
}

# The sources that are there go, so that a file that was removed is not found any more.
lay_sources()    # lay_sources TREE
{
    find "$1/root/clmix" -mindepth 1 -maxdepth 1 ! -name build ! -name 'build-*' -exec rm -rf --one-file-system {} +
    tar -C "$source" -cf - --exclude=./build --exclude='./build-*' --exclude=./.git --exclude=./.cache . | tar -C "$1/root/clmix" -xf -
}

remove_left()    # machines of commands that were killed
{
    for left in "$cache"/machine.*; do
        if [ -d "$left" ] && ! kill -0 "${left##*.}" 2>/dev/null; then
            rm -rf --one-file-system "$left"
        fi
    done
}

require_root
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
make_base
remove_left
tree=$cache/${name:-machine.$$}
if [ -z "$name" ]; then
    trap 'rm -rf --one-file-system "$tree"' EXIT
    trap 'exit 1' INT TERM HUP
fi
[ -d "$tree" ] || make_machine "$tree"
flock -u 9
exec 9>&-

lay_sources "$tree"
cp -al "$packages/." "$tree/var/cache/apt/archives/" 2>/dev/null || true

set --    # what the network takes
for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_CERT PIP_INDEX_URL PIP_DEFAULT_TIMEOUT SSL_CERT_FILE REQUESTS_CA_BUNDLE; do
    eval "value=\${$variable-}"
    [ -z "$value" ] || set -- "$@" "$variable=$value"
done
status=0
enter "$tree" "$command" "$@" || status=$?

for package in "$tree"/var/cache/apt/archives/*.deb; do
    [ ! -f "$package" ] || ln "$package" "$packages/" 2>/dev/null || true
done
exit "$status"
