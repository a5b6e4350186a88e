# awk -f loops.awk -f nvidia.awk PTXAS_SAID SASS: a line a kernel, as amd.awk prints it.
#
# PTXAS_SAID is what ptxas -v said, SASS what nvdisasm shows; without it the last two numbers are "-". Spills are bytes here; an indexed
# private array is no spill to ptxas, only a stack, in the column of the scratch.

/Compiling entry function/ {
    split($0, quoted, "'")
    kernel = quoted[2]
    kernels[++kernel_count] = kernel
    fmas[kernel] = vectors[kernel] = "-"
}
/bytes stack frame/ {
    scratch[kernel] = $1
    spills[kernel] = $5 + $9
}
/Used [0-9]+ registers/ {
    for (i = 1; i <= NF; i++) {
        if ($i == "Used")
            registers[kernel] = $(i + 1)
        if ($i ~ /^smem/)
            local[kernel] = $(i - 2)
    }
}

# Not arithmetic of the vector units: memory, control and barriers, special registers, the uniform datapath.
function is_arithmetic(name)
{
    return name !~ /^(LD|ST|ATOM|RED|MEMBAR|ERRBAR|FENCE|CCTL|SYNCS)/ && name !~ /^(BRA|BRX|BSSY|BSYNC|BREAK|BMOV|BAR|BPT|CALL|RET|EXIT|JM)/ &&
        name !~ /^(WARPSYNC|YIELD|NOP|NANOSLEEP|DEPBAR|KILL|ELECT)/ && name !~ /^(S2R|CS2R|S2UR|R2UR|U[A-Z])/
}

function close_function()
{
    if (shown != "") {
        loop_best()
        fmas[shown] = best_fmas
        vectors[shown] = best_vectors
    }
    shown = ""
}
/^[ \t]*\.section[ \t]/ {
    close_function()
    if (match($2, /^\.text\.[A-Za-z_0-9]+/)) {
        shown = substr($2, 7, RLENGTH - 6)
        loop_begin()
    }
}
shown != "" && /^\.L_[A-Za-z_0-9]+:/ { loop_label(substr($1, 1, length($1) - 1)) }
shown != "" && /\/\*[0-9a-f]+\*\/ / {
    line = $0
    sub(/^[^*]*\*[0-9a-f]+\*\/[ \t{]*/, "", line)    # the address
    sub(/^@!?U?P[0-9T]+[ \t]+/, "", line)            # the predicate
    split(line, words, /[ \t;]+/)
    split(words[1], parts, ".")
    loop_instruction(parts[1] == "FFMA", is_arithmetic(parts[1]))
    if (parts[1] == "BRA" && match(line, /\.L_[A-Za-z_0-9]+/))
        loop_branch(substr(line, RSTART, RLENGTH))
}

END {
    close_function()
    for (i = 1; i <= kernel_count; i++) {
        kernel = kernels[i]
        print kernel, registers[kernel] + 0, spills[kernel] + 0, scratch[kernel] + 0, local[kernel] + 0, fmas[kernel], vectors[kernel]
    }
}
