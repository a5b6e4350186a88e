#!/bin/sh
# Who may include whom: a layer's files name their own layer and those that layers.sh lists for it, and nothing above.
set -eu
root=${1:-.}
. "$root/test/lint/common.sh"
. "$root/test/lint/layers.sh"

# The layer that a public header belongs to.
public_layer()
{
    case $1 in
    export | port | status | version | memory) echo base ;;
    device) echo runtime ;;
    graph | plan) echo graph ;;
    ops | mixing | sequence) echo ops ;;
    io | picture | safetensors) echo io ;;
    data) echo data ;;
    text) echo text ;;
    network) echo network ;;
    train) echo train ;;
    clmix) echo umbrella ;;
    *) echo "unknown" ;;
    esac
}

check_file()    # check_file LAYER FILE
{
    layer=$1 file=$2 may=" $(allowed "$1") "
    awk -v keep_strings=1 -f "$root/test/lint/strip.awk" "$file" | sed -n 's/^ *# *include *[<"]\([^>"]*\)[>"].*/\1/p' | while read -r header; do
        case $header in
        clmix/*)
            to=$(public_layer "$(basename "$header" .h)")
            ;;
        base/* | runtime/* | graph/* | ops/* | io/* | text/* | data/* | network/* | train/* | verify/* | models/*) to=${header%%/*} ;;
        tools/* | bench/* | test/* | ../*) to=outside ;;
        *) continue ;;    # the C library, a dependency, or a neighbour
        esac
        case $to in
        unknown) echo "${file#"$root"/}: <$header>: test/lint/includes.sh does not know its layer; name it in public_layer" ;;
        *)
            case $may in
            *" $to "*) ;;
            *) echo "${file#"$root"/}: includes $header ($to), but $layer may lean only on:$may" ;;
            esac
            ;;
        esac
    done
}

wrong=$(
    for layer in $layers; do
        case $layer in
        models) folder=$root/models ;;
        *) folder=$root/lib/$layer ;;
        esac
        for file in "$folder"/*.[ch] "$folder"/*/*.[ch]; do
            if [ -f "$file" ]; then
                check_file "$layer" "$file"
            fi
        done
    done
    # Programs are thin: what they would want of graphs, ops and devices is public or in a layer above. The tests' headers are nobody's.
    for file in "$root"/tools/*.[ch] "$root"/tools/*/*.[ch] "$root"/bench/*.[ch]; do
        if [ -f "$file" ]; then
            sed -n "s,^ *# *include *[<\"]\(graph/[^>\"]*\|ops/[^>\"]*\|runtime/[^>\"]*\|models/[^>\"]*\)[>\"].*,${file#"$root"/}: includes \1; programs include public headers and those of the layers from network up,p" "$file"
            sed -n "s,^ *# *include *[<\"]\(test/\|support\).*,${file#"$root"/}: includes a header of the tests,p" "$file"
        fi
    done
    # Public headers include public headers and system headers only.
    for file in "$root"/include/clmix/*.h; do
        if [ -f "$file" ] && grep -E '^ *# *include *"' "$file" >/dev/null; then
            echo "${file#"$root"/}: a public header includes with quotes; write <clmix/...>"
        fi
    done
)
if [ -n "$wrong" ]; then
    echo "$wrong"
    exit 1
fi
finish
