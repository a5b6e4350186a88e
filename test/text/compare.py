"""Ids of clmix and of Hugging Face's tokenizers for lines of many scripts:  compare.py TEXT_IDS FOLDER [LINES]

Lines are drawn from the letters of all scripts, with marks, punctuation, blanks, controls, emoji and words beyond 100 letters; the vocabulary from the
words they consist of. A line that differs is printed and fails the run. FOLDER gets lines, vocabularies and the package's ids: with 40 lines they are
what test/data/text has.

Left out are characters that the package takes for something else than Unicode does: its tables are those of Unicode 8, so that punctuation and marks
that came later are letters to it; and of BERT's list of CJK blocks it lacks U+2B820 to U+2B91F."""
import random
import subprocess
import sys
import unicodedata

from tokenizers import BertWordPieceTokenizer
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

program, folder = sys.argv[1], sys.argv[2]
wanted = int(sys.argv[3]) if len(sys.argv) > 3 else 10000
draw = random.Random(12)
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

clean, strip, split = BertNormalizer(strip_accents=False, lowercase=False), BertNormalizer(strip_accents=True, lowercase=False), BertPreTokenizer()


def is_agreed(letter, category):
    """Whether the package has a character as Unicode has it."""
    text = "a" + letter + "b"
    cleaned = clean.normalize_str(text)
    if (cleaned == "ab") != (category in ("Cc", "Cf", "Co")) or 0x2B820 <= ord(letter) <= 0x2B91F:
        return False
    if (len(split.pre_tokenize_str(text)) == 3) != (category[0] == "P" or letter in "$+<=>^`|~"):
        return False
    apart = "".join(part for part in unicodedata.normalize("NFD", text) if unicodedata.category(part) != "Mn")
    return strip.normalize_str(cleaned) == (apart if cleaned == text else strip.normalize_str(cleaned))


# Letters by script, which the first word of their names is near enough to.
scripts, marks, others = {}, [], []
for point in range(0x20, 0x2FFFF):
    letter = chr(point)
    category = unicodedata.category(letter)
    if category in ("Cn", "Cs") or not is_agreed(letter, category):
        continue
    if category[0] == "L" or category == "Mc":
        scripts.setdefault(unicodedata.name(letter, "?").split()[0], []).append(letter)
    elif category == "Mn":
        marks.append(letter)
    elif category != "Co" or point == 0xE000:
        others.append(letter)
names = sorted(name for name in scripts if len(scripts[name]) > 5)
english = "the of and to in is was for that on as with by at from it he be his are not this which an or have one had their".split()


def word():
    kind = draw.random()
    if kind < 0.3:
        text = draw.choice(english)
        return text.upper() if draw.random() < 0.2 else text.title() if draw.random() < 0.3 else text
    letters = scripts[draw.choice(names)]
    length = draw.choice((98, 99, 100, 101, 102, 300)) if kind > 0.99 else draw.randint(1, 9)
    text = "".join(draw.choice(letters) for _ in range(length))
    if kind > 0.85:
        at = draw.randint(0, len(text))
        text = text[:at] + "".join(draw.choice(marks) for _ in range(draw.randint(1, 3))) + text[at:]
    return text


def line():
    parts = []
    for _ in range(draw.randint(1, 14)):
        parts.append(word())
        kind = draw.random()
        if kind < 0.25:
            parts.append(draw.choice(others))
        if kind < 0.02:
            parts.append(draw.choice(SPECIALS))
        if kind > 0.08:
            parts.append(draw.choice((" ", " ", " ", "\t", "\u00a0", "\u3000", "  ")))
    text = "".join(parts).replace("\n", " ").replace("\r", " ")
    return text if draw.random() < 0.9 else unicodedata.normalize("NFD", text)


lines = [line() for _ in range(wanted)] + ["", " ", "ΟΔΟΣ İstanbul Straße ﬁ", "a\u0000b", "한국어 ひらがな カタカナ 漢字", "don't stop-me: 3.14%"]


def make_vocabulary(path, lower):
    """Pieces of the words, so that many can be written, in several ways, and many can not."""
    plain = BertWordPieceTokenizer(dict.fromkeys(SPECIALS, 0), lowercase=lower)
    pieces = set()
    for text in lines:
        for found, _ in plain._tokenizer.pre_tokenizer.pre_tokenize_str(plain.normalize(text)):
            if draw.random() < 0.1:
                continue
            cut = draw.randint(1, len(found))
            pieces.add(found[:cut])
            pieces.update("##" + found[at:at + draw.randint(1, 3)] for at in range(cut, len(found)) if draw.random() < 0.8)
    pieces = sorted(piece for piece in pieces if piece not in SPECIALS and piece.strip() == piece and len(piece) < 60)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("".join(token + "\n" for token in SPECIALS + pieces))
    return {token: number for number, token in enumerate(SPECIALS + pieces)}


def ours(spec, longest, *files):
    run = subprocess.run([program, spec, str(longest), *files], stdout=subprocess.PIPE, check=True, text=True)
    return run.stdout.split("\n")[:-1]


def write(name, texts):
    path = folder + "/" + name
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("".join(text + "\n" for text in texts))
    return path


def shown(encoding):
    return " ".join(str(number) + "'" * segment for number, segment in zip(encoding.ids, encoding.type_ids))


failures = known = tokens = 0
file, second_file = write("lines.txt", lines), write("seconds.txt", reversed(lines))
for lower in (True, False):
    path = folder + ("/lower.txt" if lower else "/cased.txt")
    vocabulary = make_vocabulary(path, lower)
    theirs = BertWordPieceTokenizer(vocabulary, lowercase=lower)
    spec = "wordpiece:" + path + ("" if lower else ",cased")
    for longest, second in ((0, False), (7, False), (0, True), (24, True), (25, True)):
        if longest:
            theirs.enable_truncation(longest)
        else:
            theirs.no_truncation()
        pairs = list(zip(lines, reversed(lines)))
        wanted_ids = theirs.encode_batch(pairs if second else lines)
        found_ids = ours(spec, longest, file, *([second_file] if second else []))
        write("%s-%d%s.ids" % ("lower" if lower else "cased", longest, "-pairs" if second else ""), map(shown, wanted_ids))
        if len(found_ids) != len(lines):
            sys.exit("%d lines came back of %d" % (len(found_ids), len(lines)))
        for text, found, expected in zip(lines, found_ids, wanted_ids):
            tokens += len(expected.ids)
            known += sum(number != 1 for number in expected.ids)
            if found != shown(expected):
                failures += 1
                if failures <= 5:
                    print(repr(text), "lower" if lower else "cased", longest, second, found, shown(expected), " ".join(expected.tokens), sep="\n  ")
print("%d lines, %d tokens, of which %.0f %% are known ones; %d differ" % (len(lines), tokens, 100 * known / tokens, failures))
sys.exit(failures > 0)
