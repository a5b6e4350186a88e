#!/bin/sh
# The innermost loops of the wide form's products, as machine code of x86 processors with 16 vector registers and with 32:  sh wide.sh KERNELS
#
# Compiles the register tiles that lib/ops/gemm_tile_wide.c and attention_wide.c choose from, for a Haswell (AVX2) and a Skylake server (AVX-512). Each
# must have a loop of one block with all multiply-adds of a step of its tile and without a vector on the stack: a branch among them, or a register too
# few, costs half the speed.
# Exit status: 1 for a failure, 77 where there is no clang-15.
set -eu

kernels=$1
if ! command -v clang-15 >/dev/null; then
    case " ${CLMIX_REQUIRED_PLATFORMS:-} " in
    *" gfx906 "*) echo "FAILED: wide: no clang-15, which gfx906 needs too, and CLMIX_REQUIRED_PLATFORMS names it"; exit 1 ;;
    esac
    echo "SKIPPED: wide: no clang-15"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# A loop of one block ends with a jump to the label before it. Of those with enough multiply-adds the one that touches the stack least counts.
cat >"$work/loops.awk" <<'EOF'
/^\.?LBB/ { label = $1; sub(":", "", label); sums = stack = 0 }
/vfn?m(add|sub)/ { sums++ }
/[yz]mm/ && /\(%r[sb]p\)/ { stack++ }
/^[ \t]*j[a-z]+/ && $2 == label && sums == wanted && (found == "" || stack < found) { found = stack }
END { print found == "" ? "none" : found }
EOF

check()    # check FILE PROCESSOR SUMS OPTION...
{
    file=$1 processor=$2 sums=$3
    shift 3
    # Without a library fma is a function: multiplying and adding are fused by the compiler instead.
    clang-15 -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -target x86_64-linux-gnu -march="$processor" -O3 -cl-mad-enable -ffp-contract=fast \
        -mprefer-vector-width=512 -DCLMIX_WIDE=1 -DPREFETCHING=1 -DCLMIX_FMA=0 "$@" -I "$kernels" -w -S -o "$work/s" "$kernels/$file"
    stack=$(awk -v wanted="$sums" -f "$work/loops.awk" "$work/s")
    echo "$file $processor $*: ${stack} vectors on the stack"
    if [ "$stack" != 0 ]; then
        echo "FAILED: $file for $processor with $*: $([ "$stack" = none ] && echo "no loop of one block has $sums multiply-adds" || echo "its loop keeps vectors on the stack")"
        failures=$((failures + 1))
    fi
}

for way in -DTRANSPOSE_A=0 -DTRANSPOSE_A=1 -DTRANSPOSE_B=1 '-DTRANSPOSE_A=1 -DIN_PLACE=1' -DPROLOGUE=1 -DSEGMENTS=1; do
    # shellcheck disable=SC2086  # options are words
    {
        check gemm_wide.cl haswell 12 -DVW=8 -DMR=6 -DNRV=2 $way
        check gemm_wide.cl skylake-avx512 16 -DVW=16 -DMR=4 -DNRV=4 $way
        check gemm_wide.cl skylake-avx512 16 -DVW=16 -DMR=8 -DNRV=2 $way
        check gemm_wide.cl skylake-avx512 16 -DVW=16 -DMR=16 -DNRV=1 $way
    }
done
check gemm_wide.cl haswell 12 -DVW=8 -DMR=6 -DNRV=2 -DCOPY_A=1
check gemm_wide.cl haswell 12 -DVW=8 -DMR=6 -DNRV=2 -DCOPY_A=1 -DTRANSPOSE_A=1
for file in attention_wide.cl attention_wide_grad.cl; do
    check "$file" haswell 8 -DVW=8 -DMR=4
    check "$file" skylake-avx512 16 -DVW=16 -DMR=8
done
[ "$failures" -eq 0 ]
