#!/bin/sh
# Intel's OpenCL runtime for CPUs, which PyPI has and Debian has not.
#
#   sh intel.sh install   puts it into a Python environment in the user's cache (once; about 800 MB)
#   sh intel.sh path      prints the driver's path, or, with exit status 1, a sentence saying why there is none
#
# The environment's lib/ holds an ICD loader of its own, so it must not get into LD_LIBRARY_PATH: name the driver in an .icd file.
set -eu

version=2026.2.0
packages="intel-opencl-rt==$version intel-cmplr-lib-rt==$version intel-cmplr-lic-rt==$version tbb==2023.2.0 tcmlib==1.6.0"
folder=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/clmix/intel-$version
library=$folder/lib/libintelocl.so

case ${1:-} in
path)
    if [ -f "$folder/complete" ] && [ -f "$library" ]; then
        echo "$library"
    elif [ -f "$folder.reason" ]; then
        cat "$folder.reason"
        exit 1
    else
        echo "Intel's runtime is not installed; sh test/platform/intel.sh install does it"
        exit 1
    fi
    ;;
install)
    if [ -f "$folder/complete" ] && [ -f "$library" ]; then
        exit 0
    fi
    mkdir -p "${folder%/*}"
    give_up()
    {
        echo "$1" | tee "$folder.reason" >&2
        rm -rf "$folder"
        exit 1
    }
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || give_up "Intel's runtime exists for x86-64 Linux only"
    rm -rf "$folder" "$folder.reason"
    echo "Installing Intel's OpenCL runtime $version into $folder (once)"
    python3 -m venv "$folder" >"$folder.log" 2>&1 || give_up "python3 -m venv failed (install python3-venv): $(tail -n 1 "$folder.log")"
    # shellcheck disable=SC2086  # one word a package
    "$folder/bin/pip" install --no-input --disable-pip-version-check --no-cache-dir $packages >"$folder.log" 2>&1 ||
        give_up "pip could not install $packages: $(tail -n 1 "$folder.log")"
    [ -f "$library" ] || give_up "the packages of Intel's runtime came without lib/libintelocl.so"
    rm -f "$folder.log"
    : >"$folder/complete"
    ;;
*)
    echo "usage: sh intel.sh install|path" >&2
    exit 2
    ;;
esac
