#!/bin/sh
# Compiles recorded programs for a GPU without having it, and reads the machine code:  sh check.sh TARGET FOLDER
#
# FOLDER is what record.sh wrote, or any folder of NAME.cl and NAME.options. A row a kernel; after it, why it fails, if it does: it does not
# compile, spills, keeps private arrays in memory, needs more local memory than OpenCL 1.2 promises, or, for products, spends its innermost
# loop on other things than multiply-adds.
# Exit status: 1 for a failure, 77 with "SKIPPED: ..." where there is no compiler for TARGET, unless CLMIX_REQUIRED_PLATFORMS names it.
set -eu

most_local=32768    # bytes
least_share=0.70    # multiply-adds among the vector instructions of the innermost loop, in the kernels that are matrix products:
products="gemm_simt conv_product conv_weight_product attention_simt attention_simt_queries attention_simt_keys"

# Present exceptions, one a line: kernel, target, what it misses (spill, scratch, local, share), its value at worst. What is worse fails, and so does
# an exception that no longer applies.
exceptions="
pinv_gradient gfx90a spill 2
attention_simt skl spill 6
attention_simt tgllp spill 2
attention_simt_keys tgllp spill 3
attention_simt pvc spill 13
"

target=$1 folder=$2
here=$(cd "$(dirname "$0")" && pwd)
isa_rocm='' isa_ptxas='' isa_nvdisasm='' isa_unpacked=''    # set by:
. "$here/compilers.sh"

if ! why=$(isa_reason "$target"); then
    case " ${CLMIX_REQUIRED_PLATFORMS:-} " in
    *" $target "*) echo "FAILED: $target: $why (and CLMIX_REQUIRED_PLATFORMS names it)"; exit 1 ;;
    esac
    echo "SKIPPED: $target: $why"
    exit 77
fi
case $target in
gfx1100) ISA_COMPILER="$(clang-19 --version) $(cat "$isa_unpacked/complete")" ;;
gfx*) ISA_COMPILER="$(clang-15 --version) $(cat "$isa_rocm"/*.bc | cksum)" ;;
sm_*) ISA_COMPILER="$(clang-19 --version) $(cat "$isa_unpacked/complete") $("$isa_ptxas" --version) ${isa_nvdisasm:-none}" ;;
*) ISA_COMPILER=$(cat "$isa_unpacked/complete") ;;
esac
ISA_PRODUCTS=$(echo "$products" | tr ' ' '|')
export ISA_COMPILER ISA_PRODUCTS

# Tiles of more than 16 sums a work-item are not offered to Intel's GPUs (the quirk few-sums).
case $target in
gfx* | sm_*) not_offered='^$' ;;
*) not_offered='-DPM=8 -DPN=[48]' ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
offered=$(grep -L -E -e "$not_offered" "$folder"/*.options | sed 's/options$/cl/')
# shellcheck disable=SC2016  # for the inner shell
echo "$offered" | xargs -P 2 -n 1 sh -c \
    'name=$(basename "$4" .cl); sh "$1/compile.sh" "$2" "$4" >"$3/$name.part" 2>&1 && mv "$3/$name.part" "$3/$name"' sh "$here" "$target" "$work"

# A line a kernel: file, what amd.awk describes, a separator, the options that tell it from its siblings.
for program in $offered; do
    name=$(basename "$program" .cl)
    file=$(sed -n '1s/^#line 1 "\(.*\)"$/\1/p' "$program")
    options=$(tr ' ' '\n' <"${program%.cl}.options" | grep -v -E '^-cl-|CLMIX_WIDE' | tr '\n' ' ')
    [ -s "$work/$name" ] || echo "! no result: $(head -n 1 "$work/$name.part" 2>/dev/null)" >"$work/$name"
    sed "s|^|${file:-$name.cl} |; s|\$| : $options|" "$work/$name"
done | sort >"$work/rows"

awk -v target="$target" -v most_local="$most_local" -v least_share="$least_share" -v products="$products" \
    -v exceptions="$(echo "$exceptions" | tr '\n' ' ')" -f "$here/judge.awk" "$work/rows"
