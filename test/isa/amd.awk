# What LLVM's assembly for AMD says of each kernel, a line each:
#
#   kernel, vector registers, spilled registers, bytes of scratch, bytes of local memory, multiply-adds, vector instructions
#
# separated by spaces. The last two are of the loop that holds the most multiply-adds of those that have no loop inside, as the comments of the
# assembly name them. Halves of packed and dual multiply-adds count one each.

function is_fma(name) { return name ~ /^v_(dual_)?(fma|fmac|fmaak|fmamk|mac|mad)_f32/ }

function count(name)
{
    if (name ~ /^v_pk_fma_f32/) {
        fmas[loop] += 2
        vectors[loop] += 2
    } else if (name ~ /^v_/) {
        fmas[loop] += is_fma(name)
        vectors[loop]++
    }
}

function close_function(    key)
{
    for (key in vectors)
        if ((key in innermost) && (fmas[key] > best_fmas[kernel] || !(kernel in best_vectors))) {
            best_fmas[kernel] = fmas[key]
            best_vectors[kernel] = vectors[key]
        }
    split("", fmas)
    split("", vectors)
    split("", innermost)
    loop = ""
}

/^[A-Za-z_][A-Za-z_0-9]*:.*; @/ {
    close_function()
    kernel = substr($1, 1, length($1) - 1)
    next
}

/^(\.LBB[0-9]+_[0-9]+:|; %bb\.[0-9]+:)/ {
    loop = ""
    block = substr($1, 3, length($1) - 3)    # BB0_7
    at_head = 1
}
at_head && /Loop Header: Depth/ && /This/ {
    loop = block
    if ($0 ~ /This Inner Loop/)
        innermost[block] = 1
}
at_head && /in Loop: Header=/ {
    loop = $0
    sub(/.*Header=/, "", loop)
    sub(/ .*/, "", loop)
}
/^\t[a-z]/ {
    at_head = 0
    if (loop != "") {
        count($1)
        for (i = 2; i < NF; i++)
            if ($i == "::")    # the other half of a dual instruction
                count($(i + 1))
    }
}

/^amdhsa.kernels:/ {
    close_function()
    metadata = 1
}
metadata && /^    \.[a-z_]+: / { said[$1] = $2 }
metadata && /^    \.wavefront_size:/ {    # the last of a kernel's
    name = said[".name:"]
    print name, said[".vgpr_count:"], said[".vgpr_spill_count:"] + said[".sgpr_spill_count:"], said[".private_segment_fixed_size:"],
        said[".group_segment_fixed_size:"], best_fmas[name] + 0, best_vectors[name] + 0
}
