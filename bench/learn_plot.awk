# The table of learn_text.sh as a picture:  awk -f bench/learn_plot.awk learning_text.md >learning_text.svg
# A bar a row, as long as the held-out loss is below that of guessing by frequency; its accuracy at the end.
BEGIN { FS = " *[|] *" }

$5 + 0 == $5 {
    name[++rows] = $2
    below[rows] = $5
    accuracy[rows] = $6
    if ($5 > most) most = $5
}

END {
    top = 40
    step = 24
    left = 170
    span = 420
    height = top + rows * step + 34
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"%d\" font-family=\"sans-serif\" font-size=\"13\">\n", height
    printf "<rect width=\"720\" height=\"%d\" fill=\"white\"/>\n", height
    printf "<text x=\"12\" y=\"22\">Held-out loss below guessing by frequency, in nats, and accuracy</text>\n"
    for (i = 1; i <= rows; i++) {
        y = top + (i - 1) * step
        width = most > 0 && below[i] > 0 ? span * below[i] / most : 0
        printf "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", left - 8, y + 15, name[i]
        printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"#3b6ea5\"/>\n", left, y + 3, width, step - 8
        printf "<text x=\"%.1f\" y=\"%d\">%.2f, %s</text>\n", left + width + 6, y + 15, below[i], accuracy[i]
    }
    printf "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"black\"/>\n</svg>\n", left, top, left, top + rows * step
}
