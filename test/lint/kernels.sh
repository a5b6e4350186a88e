#!/bin/sh
# Kernels keep to what every OpenCL 1.2 device has and computes alike (cl/README.md).
set -eu
root=${1:-.}
. "$root/test/lint/common.sh"

# A word of OpenCL C: not inside a longer name.
word()
{
    echo "(^|[^A-Za-z0-9_])($1)([^A-Za-z0-9_]|\$)"
}

set --
for file in "$root"/cl/*.cl "$root"/cl/*.h; do
    if [ "${file##*/}" != probe.cl ]; then    # which asks whether a driver has what no other kernel may use
        set -- "$@" "$file"
    fi
done

# The signatures of kernels, from `__kernel` to the brace, on the lines they stand on.
signatures()
{
    awk -f "$root/test/lint/strip.awk" "$1" | awk '
        { text = $0 }
        !inside && match(text, /(^|[^A-Za-z0-9_])(__kernel|kernel)([^A-Za-z0-9_]|$)/) { inside = 1; text = substr(text, RSTART) }
        { if (inside && (end = index(text, "{"))) { print substr(text, 1, end); inside = 0 } else print inside ? text : "" }'
}
for file in "$@"; do
    found=$(signatures "$file" | grep -n -E "$(word 'size_t|ptrdiff_t|intptr_t|uintptr_t|bool|struct')" || true)
    if [ -n "$found" ]; then
        echo "$found" | sed "s|^|${file#"$root"/}:|"
        echo "  ^ no size_t, bool or struct among a kernel's arguments: host and device may not agree on their size or layout"
        failures=$((failures + 1))
    fi
done

forbid 'no double: a device need not have it' "$(word 'double|double(2|3|4|8|16)|convert_double[a-z0-9_]*')" "$@"
forbid 'no 3-vectors: their layout in memory is that of 4-vectors' "$(word '(u?(char|short|int|long)|float|half)3')" "$@"
forbid 'no native_ or half_ functions: their accuracy is the driver'\''s choice' \
    "$(word '(native|half)_(cos|divide|exp|exp2|exp10|log|log2|log10|powr|recip|rsqrt|sin|sqrt|tan)')" "$@"
forbid 'no fma or mad: FMA of common.h is the one that is an instruction on the device, and of the same rounding everywhere on it' \
    '(^|[^A-Za-z0-9_])(fma|mad) *\(' "$@"
forbid 'no float atomics and no atomic loops: the order of additions must be fixed' \
    "$(word 'atomic_(cmpxchg|xchg)|atom_[a-z]+|atomic_[a-z_]*float[a-z_]*')" "$@"
forbid 'no sub-groups' "$(word 'sub_group_[a-z_]+|intel_sub_group[a-z_0-9]*|get_sub_group[a-z_]*')" "$@"
forbid 'no images' "$(word 'image[123]d[a-z_]*|sampler_t|read_image[a-z]+|write_image[a-z]+')" "$@"
forbid 'no OpenCL 2 work-group functions' "$(word 'work_group_(reduce|scan|broadcast|all|any)[a-z_]*')" "$@"
forbid 'no fp16 arithmetic: half is a storage type, read by vload_half and written by vstore_half' 'cl_khr_fp16' "$@"
forbid 'a constant without f is a double' '(^|[^A-Za-z0-9_.])([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?([^0-9fFeExXA-Za-z_.]|$)' "$@"
finish
