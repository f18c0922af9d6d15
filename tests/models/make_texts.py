"""Writes the texts and words that the shipped lexicon is learned from, as `keepset sentiment train` reads them.

    python tests/models/make_texts.py DATA OUT

DATA holds, unpacked: `sentence_polarity`, `product_reviews_1`, `pros_cons` and `opinion_lexicon` of nltk_data (CC BY 4.0: Pang and Lee 2005,
Hu and Liu 2004, Liu, Hu and Cheng 2005), `amazonReviewSnippets_GroundTruth.txt` of hutto_ICWSM_2014 and `vader_lexicon.txt` and
`emoji_utf8_lexicon.txt` of vaderSentiment (MIT: Hutto and Gilbert 2014). Only the standard library is used.
"""

import re
import sys
from pathlib import Path

data, out = map(Path, sys.argv[1:])


def lines(name, encoding="latin-1"):
    return [line.strip() for line in (data / name).read_text(encoding).splitlines() if line.strip()]


def write(name, rows):
    text = "".join(f"{value:g}\t{' '.join(text.split())}\n" for value, text in rows)
    (out / name).write_text(text, "utf-8")
    print(name, len(rows))


films = [(sign, line) for sign, end in ((1, "pos"), (-1, "neg")) for line in lines(f"sentence_polarity/rt-polarity.{end}")]
write("films.tsv", films)

products = []
for path in sorted((data / "product_reviews_1").glob("*.txt")):
    for line in path.read_text("latin-1").splitlines():
        opinions, mark, text = line.partition("##")
        value = sum(int(opinion) for opinion in re.findall(r"\[([+-]\d)\]", opinions))
        if mark and value and "README" not in path.name:
            products.append((1 if value > 0 else -1, text.strip()))
known = {re.sub(r"\W", "", text.lower()) for _, text in products}
for line in lines("amazonReviewSnippets_GroundTruth.txt"):
    _, rating, text = line.split("\t", 2)
    # From -4 to 4, by twenty people; a faint one says nothing, and a sentence that is there already is not taken twice.
    if abs(float(rating)) > 0.4 and re.sub(r"\W", "", text.lower()) not in known:
        products.append((max(-1, min(1, float(rating) / 2)), text))
write("products.tsv", products)

untagged = lambda line: re.sub("<[^>]*>", "", line).strip()
write("pros_cons.tsv", [(sign, untagged(line)) for sign, name in ((1, "Pros"), (-1, "Cons")) for line in lines(f"pros_cons/Integrated{name}.txt")])

words = {}
for line in lines("vader_lexicon.txt", "utf-8"):
    word, value, *_ = line.split("\t")
    words.setdefault(word, float(value))
for sign, name in ((1.7, "positive"), (-1.7, "negative")):
    for word in lines(f"opinion_lexicon/{name}-words.txt"):
        if not word.startswith(";"):
            words.setdefault(word, sign)
for line in lines("emoji_utf8_lexicon.txt", "utf-8"):
    emoji, _, description = line.partition("\t")
    values = [words[word] for word in re.findall("[a-z]+", description) if word in words]
    # What stands behind a colon is a tone of skin or a colour of hair, and says nothing.
    if values and ":" not in description:
        words.setdefault(emoji, sum(values) / len(values))
# Our own view of those that are used most, whose descriptions say little.
for value, emojis in ((2.5, "😍🥰🤩❤🎉👏💯🏆"), (2, "😀😃😄😁😊🙂👍👌🙌💪⭐✨✅💖💕😋😎🤗"), (1, "😂🤣😅😉🙏🔥"), (-1, "😐😑😕🙄😬🤔😴"), (-2, "😞😔🙁😟😢😭😩😫😒👎💔❌😖"), (-2.5, "😠😡🤬🤮🤢💩🖕")):
    words.update({emoji: value for emoji in emojis})
write("words.tsv", [(value, word) for word, value in words.items()])
