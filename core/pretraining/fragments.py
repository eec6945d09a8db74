"""English words and fragments as further text for the encoder to imitate the teacher on.

The parallel text has few distinct English sentences; the teacher can give a vector to any piece of them. Words and
fragments teach what single words mean and how meanings add up, for every language, because translations meet the English words.
"""

import random
import re

LENGTHS = (2, 3, 4, 6)  # words of a fragment
_WORD = re.compile(r"[A-Za-z][a-z'-]+")


def english_fragments(sentences: list[str], size: int, seed: int = 0) -> list[str]:
    """All words of ``sentences`` and at most ``size`` fragments of them, sorted, each once, none a sentence itself."""
    rng = random.Random(seed)
    words = {word for sentence in sentences for word in _WORD.findall(sentence)}
    fragments = []
    for sentence in sentences:
        parts = sentence.split()
        for _ in range(2):
            length = rng.choice(LENGTHS)
            if len(parts) > length + 1:
                begin = rng.randrange(len(parts) - length + 1)
                fragments.append(" ".join(parts[begin : begin + length]).strip('.,;:"()'))
    rng.shuffle(fragments)
    return sorted(({*fragments[:size]} | words) - {*sentences, ""})
