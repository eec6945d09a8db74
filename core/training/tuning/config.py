"""Settings of ``train.py tune``, complete in ``assets/configs/tune_gemma.toml``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from core.config import Count, Natural, Positive, check
from core.errors import InvalidConfig
from core.selection.strategies import STRATEGIES

Objective = Literal["answer", "align"]
Method = Literal["lora", "prompt"]


@dataclass(frozen=True)
class TuneConfig:
    """What learns from what."""

    task: str = "topic"
    method: Method = (
        "lora"  # what learns: an adapter on every linear layer (lora), or vectors in front of every prompt (prompt)
    )
    objective: Objective = "answer"  # answer: -log p(y*|x,C), with labels; align: KL(teacher || p(y|x,C)), without any
    contexts: tuple[str, ...] = ("agl", "zero-shot")  # strategies: a query is asked under one of them, in turn
    teacher: str = "agl"  # of align: the strategy under whose contexts the model before training answers
    k: Count = 4
    languages: tuple[str, ...] = ()  # of the queries; empty: all that the task has words for
    sources: tuple[
        str, ...
    ] = ()  # of these languages, whose labelled queries teach and are translated; empty: all of them
    labelled: Natural = 0  # queries whose labels teach, spread over languages and items; 0: as many as the steps ask
    translations: Natural = (
        0  # of those queries, put into each other language by the model itself, which teach beside them; 0: none
    )
    seed: Natural = 0  # which items are set aside and which queries are asked, as in a run of train.py fit
    share: Annotated[float, Field(gt=0, lt=1)] = 0.2  # of the items, set aside for development
    steps: Count = 150
    queries: Count = 8  # of a step
    rank: Count = 8  # of the adapter
    rate: Positive = 5e-4  # AdamW's highest, of the adapter; a linear warm-up, then a cosine down to a tenth
    virtual_tokens: Count = 20  # vectors of a soft prompt, which begin as the names of the labels
    prompt_rate: Positive = 3e-2  # the highest rate where a soft prompt learns
    warm_up: Natural = 10  # steps
    clip: Positive = 1.0  # norm of the gradient
    watch: Count = 140  # development queries, asked before and after
    save_every: Count = 25  # steps between checkpoints

    def __post_init__(self) -> None:
        """Refuse impossible numbers and unknown strategies."""
        check(self)
        if not self.contexts:
            raise InvalidConfig("contexts is empty; name at least one strategy, for example zero-shot.")
        if strange := sorted(set(self.sources) - set(self.languages)) if self.languages else []:
            raise InvalidConfig(
                f"sources names {', '.join(strange)}, which languages does not; name languages of the queries."
            )
        for name in (*self.contexts, self.teacher):
            if name not in STRATEGIES:
                raise InvalidConfig(f"There is no strategy {name!r}; choose from {', '.join(STRATEGIES)}.")

    @property
    def highest_rate(self) -> float:
        """Of what learns."""
        return self.prompt_rate if self.method == "prompt" else self.rate

    def strategy(self, number: int) -> str:
        """The strategy of the query with this number."""
        return self.contexts[number % len(self.contexts)]
