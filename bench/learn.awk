# A row of the table of learn.sh from a run's log:  awk -v row=NAME -v options=TEXT -f json.awk -f learn.awk log.jsonl

number("test_top1") > best {
    best = number("test_top1")
    five = number("test_top5")
    epoch = number("epoch")
    loss = number("test_loss")
}

END {
    sub(/^ +/, "", options)
    gsub(/--set |--mixer /, "", options)
    printf "| %s | `%s` | %.1f %% | %d | %.1f %% | %.3f |\n", row, options, 100 * best, epoch, 100 * five, loss
}
