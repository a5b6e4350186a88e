#!/bin/sh
# Kernels that drivers compiled for earlier trees of this machine, so that a fresh one need not:  sh kernels.sh take|keep BUILD
#
# "take" copies them into the caches of a build tree's platforms, "keep" what these hold now out of them. A stored program is told by the hash of its
# source, options, driver and device, so that what was changed is compiled anew; one that a compiler warned of was never stored. Measured choices
# (tuning-*) are not taken along: they are the tree's. In ~/.cache/clmix/kernels-1; what no tree brought for a month goes.
set -eu

[ $# -eq 2 ] || { echo "usage: sh kernels.sh take|keep BUILD" >&2; exit 2; }
kept=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/clmix/kernels-1

copy()    # copy FROM TO: the programs that are not there yet
{
    mkdir -p "$2"
    chmod go-w "$2"    # clmix runs nothing that others may have written
    find "$1" -maxdepth 1 -name '*.clmix' -exec cp -pn -t "$2" {} + 2>/dev/null || true
}

case $1 in
take)
    for folder in "$kept"/*/; do
        [ ! -d "$folder" ] || copy "$folder" "$2/platform/$(basename "$folder")/cache"
    done
    ;;
keep)
    for folder in "$2"/platform/*/cache; do
        [ ! -d "$folder" ] || copy "$folder" "$kept/$(basename "$(dirname "$folder")")"
    done
    find "$kept" -name '*.clmix' -mtime +30 -delete
    ;;
*)
    echo "kernels.sh: take or keep, not '$1'" >&2
    exit 2
    ;;
esac
