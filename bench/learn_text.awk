# A row of the table of learn_text.sh from what clmix-predict --data says of a run's best weights:  awk -v row=NAME -f learn_text.awk score.json

function number(key,    at, rest)
{
    at = index($0, "\"" key "\":")
    if (at == 0)
        return ""
    rest = substr($0, at + length(key) + 3)
    sub(/[,}].*/, "", rest)
    return rest + 0
}

{
    accuracy = index($0, "\"top1\":") > 0 ? number("top1") : number("accuracy")
    printf "| %s | %.3f | %.3f | %.3f | %.1f %% |\n", row, number("loss"), number("guess_loss"), number("guess_loss") - number("loss"), 100 * accuracy
}
