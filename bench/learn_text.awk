# A row of the table of learn_text.sh from what clmix-predict --data says of a run's best weights:  awk -v row=NAME -f json.awk -f learn_text.awk score.json

{
    accuracy = index($0, "\"top1\":") > 0 ? number("top1") : number("accuracy")
    printf "| %s | %.3f | %.3f | %.3f | %.1f %% |\n", row, number("loss"), number("guess_loss"), number("guess_loss") - number("loss"), 100 * accuracy
}
