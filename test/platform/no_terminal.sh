#!/bin/sh
# Programs that need a pseudo-terminal skip where there is none, as in a bare chroot:  sh no_terminal.sh FOLDER_OF_TESTS PROGRAM...
set -eu

folder=$1
shift
if ! unshare --mount sh -c 'mount -t tmpfs none /dev/pts' 2>/dev/null; then
    echo "SKIPPED: no-terminal: only root may take /dev/pts away, for a process of its own"
    exit 77
fi
for program in "$@"; do
    status=0
    # shellcheck disable=SC2016
    said=$(unshare --mount sh -c 'mount -t tmpfs none /dev/pts && exec "$1"' sh "$folder/$program" 2>&1) || status=$?
    echo "$program: $said"
    case $status-$said in
    77-SKIPPED:*) ;;
    *) echo "$program ends with $status where there is no terminal, and not with 77 and the reason"; exit 1 ;;
    esac
done
