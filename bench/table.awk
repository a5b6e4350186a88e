# The README's table from files of results:  awk -f table.awk OURS.jsonl [PEER.jsonl]
#
# A row for each model and mode that clmix was measured in, with the peer's figures where there are some: eager, and compiled (a peer whose
# name has "compile" in it). Then the ceilings and the starts.

function text(key,    at, rest)    # the string or number that a line has under a key; "" when none
{
    at = index($0, "\"" key "\":")
    if (at == 0)
        return ""
    rest = substr($0, at + length(key) + 3)
    sub(/^ +/, "", rest)
    if (substr(rest, 1, 1) == "\"")
        return substr(rest, 2, index(substr(rest, 2), "\"") - 1)
    sub(/[,}].*/, "", rest)
    return rest + 0
}

function ms(time)    # to three digits, as a person would write it
{
    return time == "" ? "" : sprintf(time >= 100 ? "%.0f ms" : time >= 10 ? "%.1f ms" : "%.2f ms", time)
}

function mb(bytes)
{
    return bytes == "" ? "" : sprintf("%.0f MB", bytes / 1e6)
}

BEGIN {
    title["infer"] = "classification"
    title["forward"] = "forward pass, training"
    title["backward"] = "forward and backward"
    title["train"] = "training step"
}

/"fma_gflops":/ {
    ceilings = ceilings sprintf("%s: %.0f GFLOP/s, %.1f GB/s, %.1f us a launch in a batch, %.1f us with a wait\n", text("device"), text("fma_gflops"),
                                text("copy_gbs"), text("launch_us"), text("sync_launch_us"))
    next
}

/"start_ms":/ {
    starts = starts sprintf("%s, %s start: %.2f s to the first %s\n", text("model"), text("start"), text("start_ms") / 1e3, title[text("mode")])
    next
}

/"step_ms":/ {
    row = text("model") ", " title[text("mode")]
    if (text("peer") ~ /^clmix/) {
        if (!(row in time))
            rows[++count] = row
        time[row] = text("step_ms")
        share[row] = text("fraction_of_peak")
        memory[row] = text("peak_bytes")
    } else if (text("peer") ~ /compile/) {
        compiled[row] = text("step_ms")
    } else {
        eager[row] = text("step_ms")
        growth[row] = text("peak_bytes")
    }
}

END {
    print "| | clmix | share of the ceiling | peer | peer, compiled | clmix's device memory | peer's growth |"
    print "| --- | --- | --- | --- | --- | --- | --- |"
    for (i = 1; i <= count; i++) {
        row = rows[i]
        printf "| %s | %s | %.2f | %s | %s | %s | %s |\n", row, ms(time[row]), share[row], ms(eager[row]), ms(compiled[row]), mb(memory[row]), mb(growth[row])
    }
    printf "\n%s%s", ceilings, starts
}
