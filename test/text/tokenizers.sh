#!/bin/sh
# Lines of many scripts through clmix and through Hugging Face's tokenizers:  sh tokenizers.sh TEXT_IDS [LINES]
# The package comes from PyPI into ~/.cache/clmix once; where it cannot be had the test is skipped.
set -eu
program=$1 lines=${2:-10000}
here=$(cd "$(dirname "$0")" && pwd)
environment=${XDG_CACHE_HOME:-$HOME/.cache}/clmix/tokenizers-1

skip()
{
    echo "SKIPPED: text.tokenizers: $1"
    exit 77
}

if ! "$environment/bin/python" -c 'import tokenizers' 2>/dev/null; then
    command -v python3 >/dev/null || skip "there is no python3"
    rm -rf "$environment"
    python3 -m venv "$environment" >/dev/null 2>&1 || skip "python3 makes no virtual environment (Debian: python3-venv)"
    if ! "$environment/bin/pip" install -q 'tokenizers>=0.19' >/dev/null 2>&1; then
        rm -rf "$environment"
        skip "pip cannot install tokenizers from PyPI"
    fi
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
"$environment/bin/python" "$here/compare.py" "$program" "$folder" "$lines"
