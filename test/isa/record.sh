#!/bin/sh
# Writes down every program that a GPU would be given to compile, each once, in FOLDER:  sh record.sh SOURCE BUILD FOLDER
#
# Training and inference of presets, one of each structure, and each reference case, run on the driver of recorder.c, on a small GPU and on a large one;
# besides what the tests of ops plan before they look at a result, and all tiles of products that measuring may choose. Nothing is computed, so most of
# these runs end in a complaint about numbers.
set -eu

source=$1 build=$2 folder=$3
rm -rf "$folder"
mkdir -p "$folder/run"
folder=$(cd "$folder" && pwd)

CLMIX_RECORD_DIR=$folder
CLMIX_CACHE_DIR=    # what a cache has is not built again
CLMIX_TUNE=off
CLMIX_TEST_EFFORT=small    # sizes, but for heads and kernels, are not in a program
CK_FORK=no
export CLMIX_RECORD_DIR CLMIX_CACHE_DIR CLMIX_TUNE CLMIX_TEST_EFFORT CK_FORK
unset CLMIX_DEVICE CLMIX_KERNELS OCL_ICD_VENDORS

record()    # record UNITS PROGRAM [ARGUMENT...]
{
    units=$1
    shift
    (
        cd "$folder/run"
        CLMIX_RECORD_UNITS=$units LD_PRELOAD=$build/test/lib/libisa_recorder.so timeout 60 "$@" >"$folder/said" 2>&1
    ) || status=$?
    if [ "${status:-0}" -ge 124 ]; then    # out of time, not there, or killed
        tail -n 3 "$folder/said"
        echo "FAILED: $* ended with status $status"
        exit 1
    fi
    status=0
}

# The tiles that a device takes only after measuring.
record 40 "$build/test/bin/isa_tiles"

# The other rows of the papers' tables plan what one of these plans: another stem in front of the same blocks, another mixer of the same backbone.
presets=$(sed -n 's/^    "\([^"]*\)": {.*/\1/p' "$source/models/presets/wavemix.json")
presets="$presets vit vip vil vin fnet mlp-mixer hybrid-vit vip-rope vin-rope levit levip cct ccn cvt cvp pit pip vit-tinyimagenet"
for units in 8 80; do
    record "$units" "$build/bin/clmix-verify" "$source"/test/cases/*/*.safetensors
    for preset in $presets; do
        record "$units" "$build/bin/clmix-train" --model "$preset" --data shapes:train=16,test=16 --batch 16 --epochs 1 --out "$preset"
        record "$units" "$build/bin/clmix-bench" model "$preset" --mode infer --batch 64 --seconds 0.001
        record "$units" "$build/bin/clmix-bench" model "$preset" --mode infer --batch 1 --seconds 0.001
    done
done
for program in "$build"/test/bin/ops_*; do
    case $program in
    */ops_fourier) ;;    # hands the device to clFFT, which would ask the real drivers about it; the kernels are planned by fnet
    *) record 80 "$program" ;;
    esac
done
rm -rf "$folder/run" "$folder/said"

# Programs that are not clmix's own do not begin with the line that clmix puts there.
for program in "$folder"/*.cl; do
    case $(head -n 1 "$program") in
    '#line 1 "'*) ;;
    *) rm "$program" "${program%.cl}.options" ;;
    esac
done

# Every kernel file that GPUs get must be among them: a file that nothing plans is a hole in the record.
missing=
for file in "$source"/cl/*.cl; do
    file=${file##*/}
    case $file in
    *_wide*.cl) continue ;;                      # the form of CPUs
    probe.cl | check.cl | ceilings.cl) continue ;;    # asks what a driver has; the self-test; a benchmark
    esac
    if ! head -q -n 1 "$folder"/*.cl | grep -q -F "\"$file\""; then
        missing="$missing $file"
    fi
done
if [ -n "$missing" ]; then
    echo "FAILED: no program was recorded of:$missing"
    exit 1
fi
echo "$(find "$folder" -name '*.cl' | wc -l) programs"
