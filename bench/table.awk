# The README's table from files of results:  awk -f table.awk OURS.jsonl [PEERS.jsonl]
#
# A row for each model and mode that clmix was measured in: its time and the share of the ceiling that this is, the same of every peer in the order that
# the file names them, clmix's memory, and that of the leanest peer of those that tell. Of several lines about one thing the quickest counts. Then the
# ceilings and the starts.

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

function cell(time, share)
{
    return time == "" ? "" : ms(time) sprintf(", %.0f %%", 100 * share)
}

function mb(bytes)
{
    return bytes == "" ? "" : sprintf("%.0f MB", bytes / 1e6)
}

function line(first, cells, count,    i, row)
{
    row = "| " first " |"
    for (i = 1; i <= count; i++)
        row = row " " cells[i] " |"
    print row
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
    row = text("model") (text("length") != "" ? ", " text("batch") " x " text("length") " tokens" : "") ", " title[text("mode")]
    peer = text("peer")
    if (peer ~ /^clmix/) {
        if (!(row in time))
            rows[++count] = row
        else if (text("step_ms") > time[row])
            next
        time[row] = text("step_ms")
        share[row] = text("fraction_of_peak")
        memory[row] = text("peak_bytes")
        next
    }
    if (!(peer in column)) {
        column[peer] = ++peers
        name[peers] = peer
    }
    if (!((row, column[peer]) in theirs) || text("step_ms") < theirs[row, column[peer]])
        theirs[row, column[peer]] = text("step_ms")
    growth = text("peak_bytes")
    if (growth != "" && (!(row in leanest) || growth < leanest[row]))
        leanest[row] = growth
}

END {
    cells[1] = "clmix"
    for (i = 1; i <= peers; i++)
        cells[1 + i] = name[i]
    cells[2 + peers] = "clmix's device memory"
    cells[3 + peers] = "the leanest peer's"
    line("time, share of the ceiling", cells, peers + 3)
    for (i = 1; i <= peers + 3; i++)
        cells[i] = "---"
    line("---", cells, peers + 3)
    for (i = 1; i <= count; i++) {
        row = rows[i]
        cells[1] = cell(time[row], share[row])
        for (p = 1; p <= peers; p++)
            cells[1 + p] = cell(theirs[row, p], (row, p) in theirs ? share[row] * time[row] / theirs[row, p] : 0)
        cells[2 + peers] = mb(memory[row])
        cells[3 + peers] = mb(leanest[row])
        line(row, cells, peers + 3)
    }
    printf "\n%s%s", ceilings, starts
}
