"""Checks of preference questions as an organiser writes them and of the ranks that raters send; attention checks by order. Pure."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from annotation.errors import InvalidRating, InvalidRecord
from annotation.preference_records import PreferenceQuestion, Ranks
from annotation.value_checks import KEY, check_text, check_texts

MAX_QUESTIONS = 4  # one page has to hold them
REVERSED_SHARE = 0.25  # of the pairs of answers that may stand the other way round when an item comes again


def check_questions(questions: Sequence[PreferenceQuestion]) -> None:
    """Raises InvalidRecord for questions that cannot be stored or shown."""
    keys = [one.key for one in questions]
    if len(set(keys)) != len(keys) or len(keys) > MAX_QUESTIONS:
        raise InvalidRecord(f"answers are compared on {keys}; allowed are up to {MAX_QUESTIONS}, each once.")
    for one in questions:
        if not isinstance(one.key, str) or not KEY.match(one.key):
            raise InvalidRecord(
                f"answers are compared on {one.key!r}; allowed are up to 32 lower-case letters, digits and underscores, "
                "beginning with a letter."
            )
        check_texts(one.question, f"the question that answers are compared on, {one.key},")
        if one.label:
            check_texts(one.label, f"the label of the comparison {one.key}")
        check_text(one.version, f"the version of the comparison {one.key}")


def check_ranks(sent: object, questions: Sequence[str], letters: Mapping[int, str]) -> None:
    """Raises InvalidRating unless `sent` ranks every answer on every question, from 1 to the number of answers.

    `letters`: output_id -> as the rater knows it. A single answer can be compared with nothing, so nothing is asked of it.
    """
    required = list(questions) if len(letters) > 1 else []
    if not isinstance(sent, Mapping):
        raise InvalidRating(f"the order of the answers came as {type(sent).__name__}; reload the page.")
    unknown = [key for key in sent if key not in required]
    if unknown:
        raise InvalidRating(f"an order came for {unknown[0]!r}, which this item does not ask for; reload the page.")
    for key in required:
        ranks = sent.get(key)
        if not isinstance(ranks, Mapping) or set(ranks) - set(letters):
            raise InvalidRating(f"not compared yet: {key}. Please say which answer is better, or that they are equal.")
        open_letters = [letter for output, letter in letters.items() if ranks.get(output) is None]
        if open_letters:
            raise InvalidRating(f"not compared yet on {key}: answer {', '.join(open_letters)}. Please rank these too.")
        for output, letter in letters.items():
            if type(ranks[output]) is not int or not 1 <= ranks[output] <= len(letters):
                raise InvalidRating(
                    f"the rank of answer {letter} on {key} came as {ranks[output]!r}; allowed are the integers 1 to "
                    f"{len(letters)}, the best first; equal answers have equal ranks."
                )


def score_degraded_order(spoiled: int, orders: Mapping[str, Ranks]) -> tuple[bool | None, str]:
    """Whether the spoiled output stands below some other one on every question; None where nothing was compared."""
    if not orders:
        return None, "nothing was compared"
    above = [key for key, ranks in orders.items() if ranks[spoiled] == min(ranks.values())]
    if not above:
        return True, "spoiled output ranked below another"
    return False, f"spoiled output ranked first, alone or with others, on {', '.join(above)}"


def score_repeated_order(first: Mapping[str, Ranks], again: Mapping[str, Ranks]) -> tuple[bool | None, str]:
    """Passed where at most REVERSED_SHARE of the pairs stand the other way round than the first time; ties reverse nothing.

    Both are keyed by the ids of the original outputs. None where nothing was ordered at one of the times.
    """
    ordered = turned = 0
    for key in first.keys() & again.keys():
        for one, other in combinations(sorted(first[key].keys() & again[key].keys()), 2):
            before, after = first[key][one] - first[key][other], again[key][one] - again[key][other]
            if before and after:
                ordered += 1
                turned += (before > 0) != (after > 0)
    if not ordered:
        return None, "no pair was ordered both times; nothing can be compared"
    text = f"{turned} of {ordered} pairs ordered the other way round; passes at {100 * REVERSED_SHARE:g} % or less"
    return turned / ordered <= REVERSED_SHARE, text
