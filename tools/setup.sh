#!/bin/sh
# Installs what is missing of what clmix needs, on Debian and Ubuntu:  sh tools/setup.sh [user|test]
#
#   user   what building and using clmix takes, with PoCL as a device that every machine has (the default)
#   test   that, and what the test suite uses
#
# Does nothing where nothing is missing. On Fedora it says which packages to install, elsewhere CMake does.
set -eu

needed="gcc libc6-dev cmake make pkg-config ocl-icd-opencl-dev opencl-headers pocl-opencl-icd libclblast-dev
    libcjson-dev libutf8proc-dev libpng-dev libjpeg62-turbo-dev|libjpeg-turbo8-dev zlib1g-dev libpopt-dev"    # turbo8: Ubuntu
fedora="gcc cmake make pkgconf-pkg-config opencl-headers pocl clblast-devel cjson-devel utf8proc-devel libpng-devel libjpeg-turbo-devel zlib-devel popt-devel"
wanted=    # nice to have: without them some tests are skipped
case ${1:-user} in
user) ;;
test)
    needed="$needed check"
    fedora="$fedora check-devel"
    wanted="libclfft-dev clinfo oclgrind mesa-opencl-icd libopenmpi-dev openmpi-bin procps iproute2 python3-venv g++ shellcheck musl-tools doxygen
        clang-15 rocm-device-libs clang-19 libclang-cpp14 binutils"    # the last line: compilers for GPUs, with those of test/isa/compilers.sh
    ;;
*)
    echo "usage: sh tools/setup.sh [user|test]" >&2
    exit 2
    ;;
esac

installed()
{
    case $1 in
    gcc | cmake | make | pkg-config | clinfo | oclgrind | g++ | shellcheck | doxygen) command -v "$1" >/dev/null ;;    # from wherever it came
    *) dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -q -x installed ;;
    esac
}

known()    # does APT know the package, and in a version that can be installed?
{
    apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}

# Those of the packages that are not installed; "a|b" is whichever of the two is there or can be had.
missing()
{
    for package in "$@"; do
        found=no
        choices=$(echo "$package" | tr '|' ' ')
        for choice in $choices; do
            if installed "$choice"; then
                found=yes
            fi
        done
        if [ "$found" = no ]; then
            choice=${choices%% *}
            for other in $choices; do
                if known "$other"; then
                    choice=$other
                    break
                fi
            done
            echo "$choice"
        fi
    done
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "tools/setup.sh: this is not Debian or Ubuntu; if something is missing, CMake will say which packages bring it"
    if command -v dnf >/dev/null; then    # pkgconfig(OpenCL) is ocl-icd-devel or OpenCL-ICD-Loader-devel, as the release has it
        echo "On Fedora: sudo dnf install $fedora 'pkgconfig(OpenCL)'"
    fi
    exit 0
fi

look()
{
    # shellcheck disable=SC2086  # lists of words
    missing_needed=$(missing $needed | tr '\n' ' ')
    # shellcheck disable=SC2086
    missing_wanted=$(missing $wanted | tr '\n' ' ')
}
look
if [ -z "$missing_needed$missing_wanted" ]; then
    exit 0
fi

root=
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null; then
        root=sudo
        [ -t 0 ] || root='sudo -n'    # nobody is there to type a password
    elif [ -n "$missing_needed" ]; then
        echo "tools/setup.sh: these packages are missing, and neither root nor sudo is at hand to install them: $missing_needed" >&2
        echo "as root: apt-get install --no-install-recommends $missing_needed $missing_wanted" >&2
        exit 1
    else
        echo "tools/setup.sh: without root or sudo these stay missing, and tests that use them are skipped: $missing_wanted"
        exit 0
    fi
fi

get()
{
    $root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q -y "$@"
}

updated=no
update()
{
    if [ "$updated" = no ]; then
        updated=yes
        get update || true    # the lists that are there may do
    fi
}

for package in $missing_needed $missing_wanted; do
    if ! known "$package"; then
        update
        break
    fi
done
look    # again: of alternatives, one is known only now

echo "Installing: $missing_needed $missing_wanted"
install()
{
    [ $# -eq 0 ] || get install --no-install-recommends "$@"
}
# shellcheck disable=SC2086
if ! install $missing_needed $missing_wanted; then
    update
    install $missing_needed
    for package in $missing_wanted; do
        install "$package" || echo "tools/setup.sh: '$package' cannot be installed; tests that use it are skipped"
    done
fi
