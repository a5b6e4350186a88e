# WordNet's definitions as text to learn from:  awk -v folder=DIR -f bench/glosses.awk DIR/data.noun DIR/data.verb DIR/data.adj DIR/data.adv
#
# The files are WordNet 3.0's (Debian: wordnet-base, in /usr/share/wordnet), in this order. Every twentieth synset is for testing. Writes into the folder
#   text/train/glosses.txt, text/test/glosses.txt    a definition a line: text:DIR/text, for masked language
#   train.tsv, test.tsv                              the definition, and the lexicographer's file that it is from, one of 45 ("noun.animal"):
#                                                    tsv:DIR/train.tsv
BEGIN {
    names = "adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body noun.cognition noun.communication " \
            "noun.event noun.feeling noun.food noun.group noun.location noun.motive noun.object noun.person noun.phenomenon noun.plant " \
            "noun.possession noun.process noun.quantity noun.relation noun.shape noun.state noun.substance noun.time verb.body verb.change " \
            "verb.cognition verb.communication verb.competition verb.consumption verb.contact verb.creation verb.emotion verb.motion " \
            "verb.perception verb.possession verb.social verb.stative verb.weather adj.ppl"
    split(names, file, " ")
    system("mkdir -p '" folder "/text/train' '" folder "/text/test'")
    print "text\tlabel" > (folder "/train.tsv")
    print "text\tlabel" > (folder "/test.tsv")
}

# A synset: byte offset, number of the file, ..., and behind a bar the gloss.
/^[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9] / {
    bar = index($0, " | ")
    if (bar == 0) next
    gloss = substr($0, bar + 3)
    gsub(/[ \t]+/, " ", gloss)
    sub(/^ /, "", gloss)
    sub(/ $/, "", gloss)
    to = count++ % 20 == 19 ? "test" : "train"
    print gloss > (folder "/text/" to "/glosses.txt")
    printf "%s\t%s\n", gloss, file[$2 + 1] > (folder "/" to ".tsv")
}

END { printf "%d definitions in %s\n", count, folder }
