# Headers for Doxygen: their comments are plain C, which it passes over. Here each becomes documentation of what it stands before, or behind on the same
# line; one that speaks of several functions or members is repeated for each; what opens a file becomes a group, titled by what stands before its colon or
# first stop.

# Text that Doxygen would take for markup, and names of clmix as links, which it then checks.
function plain(text)
{
    gsub(/\\/, "\\\\", text)
    gsub(/[@<>#%]/, "\\\\&", text)
    text = " " text " "
    while (match(text, /[^A-Za-z0-9_#.\/-]clmix_[a-z0-9_]+[^a-z0-9_.\/*]/))
        text = substr(text, 1, RSTART) "#" substr(text, RSTART + 1)
    return substr(text, 2, length(text) - 2)
}

# A comment's text in lines: what is indented stands as it is.
function body(text,    lines, count, i, inside, out, line)
{
    count = split(text, lines, "\n")
    for (i = 1; i <= count; i++) {
        line = lines[i]
        sub(/^ *\*? ?/, "", line)
        if (i > 1 && (line ~ /^  /) != inside) {
            inside = !inside
            out = out (inside ? "\n@verbatim" : "\n@endverbatim")
        }
        out = out (i > 1 ? "\n" : "") (inside ? line : plain(line))
    }
    return out (inside ? "\n@endverbatim" : "")
}

function finish_comment(text,    title, name)
{
    if (text ~ /^ *----/) # a heading between declarations
        last = ""
    else if (!opened) {
        opened = 1
        name = FILENAME
        sub(/.*\//, "", name)
        title = name
        if (match(text, /^[^:.\n]*[:.]/)) {
            title = substr(text, 2, RLENGTH - 2)
        }
        print "/** @file */"
        sub(/\.h$/, "", name)
        print "/** @defgroup " name "_h " title " (clmix/" name ".h)"
        print body(text)
        print "*/"
        print "/** @addtogroup " name "_h\n@{ */"
    } else {
        last = body(text)
        print "/** " last " */"
        fresh = 1
    }
}

# "size_t epoch, step; (comment)": one member a line, each with the comment.
function print_members(    begin, declared, type, names, count, i)
{
    begin = index($0, "/*")
    declared = substr($0, 1, begin - 1)
    sub(/; *$/, "", declared)
    count = split(declared, names, /, /)
    type = names[1]
    sub(/\**[a-z_0-9]+(\[[0-9A-Z_]+\])?$/, "", type)
    for (i = 1; i <= count; i++)
        print (i > 1 ? type : "") names[i] "; /**< " plain(substr($0, begin + 2, index($0, "*/") - begin - 2)) "*/"
}

# A comment that begins a line.
!inside && match($0, /^ *\/\*/) {
    rest = substr($0, RLENGTH + 1)
    inside = 1
    text = ""
    if ((end = index(rest, "*/"))) {
        inside = 0
        finish_comment(substr(rest, 1, end - 1))
    } else
        text = rest
    next
}
inside {
    if ((end = index($0, "*/"))) {
        inside = 0
        finish_comment(text "\n" substr($0, 1, end - 1))
    } else
        text = text "\n" $0
    next
}
# One that ends a line: it may go on.
behind {
    if ((end = index($0, "*/")))
        behind = 0
    print end ? plain(substr($0, 1, end - 1)) "*/" : plain($0)
    next
}
/^ *$/ { # what follows stands by itself
    last = ""
    print
    next
}
{
    if (/^CLMIX_API/ && !fresh && last != "" && !/\/\*/)
        print "/** " last " */"
    fresh = 0
    if (match($0, /^ +[a-z_0-9 ]+ \**[a-z_0-9]+(\[[0-9A-Z_]+\])?(, \**[a-z_0-9]+(\[[0-9A-Z_]+\])?)+; *\/\*.*\*\/ *$/))
        print_members()
    else if ((begin = index($0, "/*"))) {
        rest = substr($0, begin + 2)
        behind = !index(rest, "*/")
        sub(/\*\/.*/, "", rest)
        print substr($0, 1, begin - 1) "/**< " plain(rest) (behind ? "" : "*/")
    } else
        print
}
END { print "/** @} */" }
