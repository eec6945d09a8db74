"""The records that pass between the parts: frozen, one line of meaning per field.

Languages are FLORES-200 style codes ("swh_Latn"). Log-probabilities are in nats.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Origin = Literal["pool", "generated"]
CopySource = Literal["", "source", "demonstration"]
FramingStyle = Literal["", "romanised", "translated"]
DropReason = Literal[
    "no_room", "no_answer"
]  # the context was full; the pool lacks its answer in the language asked for


@dataclass(frozen=True)
class Example:
    """One labelled text of a pool or a query set."""

    id: str  # unique within its file
    item: str  # what it says: translations of each other share it (``index_id`` in files)
    language: str
    text: str
    label: str  # a label of the task; for free-text tasks the answer, "" where the pool holds it as another side of the item
    origin: Origin = "pool"
    choices: tuple[
        str, ...
    ] = ()  # answers of this item alone, one a label; () where the task's label words are the answers

    def __post_init__(self) -> None:
        """Take ``choices`` from JSON, which knows lists alone."""
        object.__setattr__(self, "choices", tuple(self.choices))

    @property
    def query(self) -> "Query":
        """The text as something to be asked about."""
        return Query(self.text, self.language, self.item, self.choices)


@dataclass(frozen=True)
class Query:
    """What is asked about. ``item`` is known when the text comes from a parallel set: its translations are kept out."""

    text: str
    language: str
    item: str | None = None
    choices: tuple[str, ...] = ()  # as in ``Example``


@dataclass(frozen=True)
class Demonstration:
    """One chosen example."""

    example: Example
    score: float | None  # the strategy's score (higher was preferred), None where it has none
    log_prob: float | None  # log-probability of being drawn next, given those drawn before; None without a policy


@dataclass(frozen=True)
class Framing:
    """How a query is put to the model besides its demonstrations; the default is the task's own template, as it is."""

    query: Query | None = None  # asked instead of the query, for example its translation; None: the query itself
    aligners: Mapping[str, str] = field(default_factory=dict)  # by language of the answer: a line before the query
    labels: str = ""  # whose words say the labels of demonstrations, as in PromptConfig; "": as set there
    instruction: str = ""  # instead of the template's instruction
    codes: tuple[str, ...] = ()  # languages the answer is asked for in, whose label probabilities are averaged; (): one
    style: FramingStyle = ""  # how query and demonstrations are written, see ``core.prompting.PromptWriter``
    translation: str = (
        ""  # style "translated": the query in English; "": not known yet, and the prompt ends where it begins
    )


PLAIN = Framing()


@dataclass(frozen=True)
class Selection:
    """The demonstrations of one query, best first, and how the query is put."""

    strategy: str
    demonstrations: tuple[Demonstration, ...]
    log_prob: float | None = None  # log pi(C|x), sum of the demonstrations' own
    entropy: float | None = None  # of the first draw, nats
    candidates: int = 0  # examples that could have been chosen
    framing: Framing = PLAIN


@dataclass(frozen=True)
class Prompt:
    """A prompt as the model reads it."""

    text: str
    language: str  # of the answer, and of the template's words
    demonstrations: tuple[Demonstration, ...]  # in the order of the prompt
    dropped: tuple[Demonstration, ...]  # left out whole
    tokens: int
    template: str  # "task/language@version"
    reasons: tuple[DropReason, ...] = ()  # of each that was dropped


@dataclass(frozen=True)
class Distribution:
    """A distribution over a task's labels."""

    log_probs: dict[str, float]  # label -> log-probability, nats, normalised over the labels

    @property
    def probabilities(self) -> dict[str, float]:
        """Normalised over the labels; sums to 1."""
        top = max(self.log_probs.values())
        weights = {label: math.exp(value - top) for label, value in self.log_probs.items()}
        total = sum(weights.values())
        return {label: weight / total for label, weight in weights.items()}

    @property
    def best(self) -> str:
        """The most probable label."""
        return max(self.log_probs, key=lambda label: self.log_probs[label])


@dataclass(frozen=True)
class Answer:
    """What the model says in one language."""

    language: str
    text: str  # the label's word, or the generated text
    label: str | None  # None for free text
    confidence: (
        float | None
    )  # [0, 1]: probability of the label, or geometric mean probability of a generated token; None if unavailable
    adherence: float | None  # [0, 1]: how far the answer is in the language asked for; None if it cannot be determined
    coherence: float | None  # [-1, 1]: cosine between the model's own vectors of query and answer
    with_context: Distribution | None  # closed tasks only
    without_context: Distribution | None
    kl: float | None  # KL(p(y|x,C) || p(y|x)) over the labels, nats
    zero_shot_text: str | None  # the answer without demonstrations
    prompt: Prompt
    sentence: str  # the answer said in full, as it was embedded
    uncalibrated: Distribution | None = None  # ``with_context`` as scored; the same where nothing is calibrated
    copied: CopySource = ""  # what a written translation largely repeats
    repeated: bool = False  # whether a written text went round in a circle, and was cut
    further: tuple[Prompt, ...] = ()  # asked besides ``prompt``, in other languages of the framing


@dataclass(frozen=True)
class Effect:
    """What leaving one demonstration out does to the answer."""

    demonstration: Demonstration
    change: float  # p(answer | all) - p(answer | all but this one): positive means it helped
    answer: str | None = None  # the likeliest label without it; None where it was not measured


@dataclass(frozen=True)
class Prediction:
    """Everything known about one asked query under one strategy."""

    query: Query
    task: str
    selection: Selection
    answers: tuple[Answer, ...]
    effects: tuple[Effect, ...]  # leave-one-out, for the first answer
    coherence: tuple[tuple[float, ...], ...]  # cosines between (query, answer 1, answer 2, ...), symmetric
    seconds: dict[str, float]  # wall time by phase
    provenance: dict[str, str] = field(default_factory=dict)  # model, adapter, template versions, seed, precision
    pool_languages: tuple[str, ...] | None = (
        None  # demonstrations could come from; None: every language but the query's
    )
