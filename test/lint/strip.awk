# Blanks comments, string literals and character constants of C and OpenCL C, keeping every line where it is; with -v keep_strings=1, comments only.
{
    line = $0
    out = ""
    n = length(line)
    for (i = 1; i <= n; i++) {
        c = substr(line, i, 1)
        two = substr(line, i, 2)
        if (in_comment) {
            if (two == "*/") {
                in_comment = 0
                i++
            }
        } else if (two == "/*") {
            in_comment = 1
            i++
            out = out " "
        } else if (two == "//") {
            break
        } else if (c == "\"" || c == "'") {
            text = c
            for (i++; i <= n; i++) {
                d = substr(line, i, 1)
                text = text d
                if (d == "\\") {
                    i++
                    text = text substr(line, i, 1)
                } else if (d == c) {
                    break
                }
            }
            out = out (keep_strings ? text : c c)
        } else {
            out = out c
        }
    }
    print out
}
