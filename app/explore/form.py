"""A question as a person, a link or a program puts it, and the bounds that every one of them is held to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from core.errors import InvalidQuery
from core.models.catalogue import DEFAULT
from core.models.loading import Precision

AUTO = "auto"
DETECT = "detect"  # as a language: detected from the text
UNTRAINED = "untrained"  # as a strategy: self-selection without the run that the form names
MOST_K = 8
MOST_ANSWERS = 12  # languages that one question is answered in
MOST_STRATEGIES = 3
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.01, 0.5
MOST_SEED = 2**31  # either side of 0
LONGEST_NAME = 200  # characters of a model's or run's name
LONGEST_EDIT = 2000  # characters of an edited demonstration

T = TypeVar("T")


@dataclass(frozen=True)
class Edit:
    """A demonstration as a person changed it; None leaves a side as it is in the pool."""

    id: str
    text: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class Form:
    """A question, the model that answers it, and how demonstrations are chosen."""

    text: str
    language: str = DETECT  # code, or DETECT
    task: str = "topic"
    answer_languages: tuple[str, ...] = ()  # codes; empty: the query's own language
    strategies: tuple[str, ...] = ("agl", "knn")
    k: int = 4
    pool_languages: tuple[str, ...] = ()  # codes; empty: every language but the query's
    model: str = DEFAULT  # see core.models.catalogue, or the host's server
    precision: Precision = "auto"
    run: str = ""  # name of a finished closed-loop run; empty: the model as it is
    temperature: float = 0.05
    prompt: str = ""  # variant, see core.data.prompt_variants; "": the one of the model's card
    calibration: str = AUTO  # of label scores, or AUTO: the one of the model's card
    seed: int = 0
    kept: tuple[str, ...] | None = None  # ids shown by the first strategy, best first, instead of its own choice
    pinned: tuple[str, ...] = ()  # ids that the first strategy shows first, before it chooses the rest
    edits: tuple[Edit, ...] = field(default=())  # of the demonstrations in ``kept``

    @property
    def answers(self) -> int:
        """Answers that the question costs: one a strategy and language."""
        return max(1, len(self.strategies)) * max(1, len(self.answer_languages))


def bounded(form: Form) -> Form:
    """The form with every list free of repeats.

    Raises ``InvalidQuery`` in one sentence for a list or name that is too long, or a number out of its range.
    """
    unique = replace(
        form,
        answer_languages=_unique("answer languages", form.answer_languages, MOST_ANSWERS),
        strategies=_unique("strategies", form.strategies, MOST_STRATEGIES),
        pool_languages=_unique("languages of demonstrations", form.pool_languages, 1000),
        pinned=_unique("pinned demonstrations", form.pinned, MOST_K),
        kept=None if form.kept is None else _unique("demonstrations", form.kept, MOST_K),
        edits=_unique("edited demonstrations", form.edits, MOST_K, lambda edit: edit.id),
    )
    for name, value, most in (("model", form.model, LONGEST_NAME), ("run", form.run, LONGEST_NAME)):
        if len(value) > most:
            raise InvalidQuery(f"The name of the {name} has {len(value)} characters; at most {most} are allowed.")
    if not 0 <= form.k <= MOST_K:
        raise InvalidQuery(f"{form.k} demonstrations were asked for; choose 0 to {MOST_K}.")
    numbers: tuple[tuple[str, float, float, float], ...] = (
        ("temperature", form.temperature, LEAST_TEMPERATURE, MOST_TEMPERATURE),
        ("seed", form.seed, -MOST_SEED, MOST_SEED),
    )
    for name, number, low, high in numbers:
        if not low <= number <= high:  # so that NaN is refused too
            raise InvalidQuery(f"The {name} is {str(number)[:40]}; it must be a number from {low} to {high}.")
    for edit in form.edits:
        if edit.text is not None and not 0 < len(edit.text.strip()) <= LONGEST_EDIT:
            raise InvalidQuery(
                f"An edited demonstration has {len(edit.text.strip())} characters; give it 1 to {LONGEST_EDIT}."
            )
    return unique


def _unique(
    name: str, values: Iterable[T], most: int, key: Callable[[T], object] = lambda value: value
) -> tuple[T, ...]:
    distinct = {key(value): value for value in values}
    if len(distinct) > most:
        raise InvalidQuery(f"{len(distinct)} {name} were given; at most {most} are allowed.")
    return tuple(distinct.values())
