# awk -f loops.awk -f intel.awk OCLOC_SAID ZE_INFO ASM...: a line a kernel, as amd.awk prints it, with the width of its sub-groups behind.
#
# OCLOC_SAID is what ocloc said, ZE_INFO what readelf -p .ze_info shows, ASM what ocloc disasm writes (.text.KERNEL.asm). Instructions count by
# their width, 16 lanes twice as much as 8; those of one lane are scalar. ocloc compiles local memory of any size, and private arrays,
# without a word: both stand in ZE_INFO.

FNR == 1 { file_number++ }

file_number == 1 && /^warning: kernel .* spilled around/ {
    for (i = 1; i < NF; i++) {
        if ($i == "kernel")
            name = $(i + 1)
        if ($i == "around")
            spills[name] = $(i + 1) + 0
    }
}

file_number == 2 { gsub(/\\n/, "") }
file_number == 2 && /kernels:/ { in_kernels = 1 }
file_number == 2 && /kernels_misc_info:/ { in_kernels = 0 }
file_number == 2 && in_kernels && /^ *- name: / && $3 != "Intel_Symbol_Table_Void_Program" {
    kernel = $3
    kernels[++kernel_count] = kernel
    fmas[kernel] = vectors[kernel] = "-"
}
file_number == 2 && in_kernels && /grf_count:/ { registers[kernel] = $2 }
file_number == 2 && in_kernels && /slm_size:/ { local[kernel] = $2 }
file_number == 2 && in_kernels && /simd_size:/ { width[kernel] = $2 }
file_number == 2 && in_kernels && /type: +scratch/ { of_scratch = 1 }
file_number == 2 && in_kernels && of_scratch && / size:/ {
    scratch[kernel] += $2
    of_scratch = 0
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
file_number > 2 && FNR == 1 {
    close_function()
    shown = FILENAME
    sub(/.*\.text\./, "", shown)
    sub(/\.asm$/, "", shown)
    loop_begin()
}
file_number > 2 && /^L[0-9]+:/ { loop_label(substr($1, 1, length($1) - 1)) }
file_number > 2 && /^(\([^)]*\))? +[a-z]/ {
    line = $0
    sub(/^\([^)]*\)/, "", line)    # the predicate
    split(line, words, " ")
    name = words[1]
    lanes = match(line, /\([0-9]+\|M[0-9]+\)/) ? substr(line, RSTART + 1, RLENGTH - 1) + 0 : 1
    if (lanes == 1 || name ~ /^(send|sync|jmpi|while|goto|join|if|else|endif|br|call|ret|halt|break|cont|nop|illegal|wait)/)
        lanes = 0
    loop_instruction(name ~ /^mad(\.|$)/ && line ~ />:f / ? lanes : 0, lanes)
    if (name ~ /^(while|jmpi|goto|brd|brc)/)
        for (i = 1; i <= NF; i++)
            if ($i ~ /^L[0-9]+$/)
                loop_branch($i)
}

END {
    close_function()
    for (i = 1; i <= kernel_count; i++) {
        kernel = kernels[i]
        print kernel, registers[kernel] + 0, spills[kernel] + 0, scratch[kernel] + 0, local[kernel] + 0, fmas[kernel], vectors[kernel],
            "simd" width[kernel]
    }
}
