# Judges the rows of check.sh: FILE, what amd.awk describes, " : ", options; or FILE ! MESSAGE : OPTIONS. Prints the table; exit status 1 for failures.

function miss(what, value, sentence)
{
    if ((kernel, what) in excepted && (what == "share" ? value >= excepted[kernel, what] : value <= excepted[kernel, what])) {
        applies[kernel, what] = 1
        why = why "    known: " sentence "\n"
    } else {
        why = why "    ^ FAILED: " sentence "\n"
        failures++
    }
}
# In heads of fewer than 16 columns the innermost loop has too few multiply-adds for what it reads.
function short_heads(options)
{
    return match(options, /-DHEAD=[0-9]+/) && substr(options, RSTART + 7, RLENGTH - 7) + 0 < 16
}
BEGIN {
    format = "%-24s %-9s %9s %6s %7s %6s %11s %5s  %s"
    count = split(products, list, " ")
    for (i = 1; i <= count; i++)
        is_product[list[i]] = 1
    count = split(exceptions, words, " ")
    for (i = 1; i <= count; i += 4)
        if (words[i + 1] == target)
            excepted[words[i], words[i + 2]] = words[i + 3] + 0
    printf format "\n", "kernel", "target", "registers", "spill", "scratch", "local", "FMA/vector", "share", "options"
}
{
    options = $0
    sub(/^.* : /, "", options)
    why = ""
}
$2 == "!" {
    sub(/ : .*/, "")
    print $1, target, options
    miss("compile", 0, "does not compile: " substr($0, length($1) + 4))
    printf "%s", why
    next
}
{
    kernel = $2
    seen[kernel] = 1
    known = $7 != "-"
    share = known && $8 > 0 ? $7 / $8 : 0
    printf(format "\n", kernel, target, $3, $4, $5, $6, known ? $7 "/" $8 : "-", share > 0 ? sprintf("%.2f", share) : "-",
        ($9 ~ /^simd/ ? $9 " " : "") options)
    if ($4 > 0)
        miss("spill", $4 + 0, "spills registers (" $4 ")")
    else if ($5 > 0)    # where registers are spilled that is what the scratch is for
        miss("scratch", $5 + 0, "keeps " $5 " bytes of private arrays in memory")
    if ($6 > most_local)
        miss("local", $6 + 0, "needs " $6 " bytes of local memory; OpenCL 1.2 promises " most_local)
    if (kernel in is_product && known && share < least_share && !short_heads(options))
        miss("share", share, sprintf("%.3f of the vector instructions of its innermost loop are multiply-adds, not %.2f", share, least_share))
    printf "%s", why
}
END {
    for (key in excepted)
        if (!(key in applies)) {
            split(key, words, SUBSEP)
            print "FAILED: the exception \"" words[1], target, words[2], excepted[key] "\" no longer applies: remove it from check.sh"
            failures++
        }
    for (kernel in is_product)
        if (!(kernel in seen)) {
            print "FAILED: no program has the kernel " kernel ", which the list of products names"
            failures++
        }
    print NR, "kernels,", failures + 0, "failures on", target
    exit failures > 0
}
