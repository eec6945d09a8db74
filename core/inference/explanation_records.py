"""Records of the measures of an answer's demonstrations, with the verdicts that follow from them."""

from dataclasses import dataclass
from typing import Literal

from core.records import Demonstration

Reason = Literal["none_shown", "one_shown", "free_text", "nothing_written", "no_weights", "several_prompts"]
How = Literal["permuted", "random", "swapped", "other_inputs", "fitting_inputs"]
Verdict = Literal["labels", "inputs", "both", "neither"]

LITTLE = 0.05  # nats: a mean shift below it counts as none
TWICE = 2.0  # one side leads when its shift is this many times the other's; both limits are ours


@dataclass(frozen=True)
class Unmeasured:
    """A measure that does not apply, with the reason."""

    reason: Reason


@dataclass(frozen=True)
class Order:
    """One order of the demonstrations and what it does to the answer."""

    demonstrations: tuple[Demonstration, ...]  # best first: the first stands where the best one stands
    answer: str | None  # the likeliest label; None for free text
    probability: float  # [0, 1]: of the original answer; free text: geometric mean over its tokens


@dataclass(frozen=True)
class OrderSensitivity:
    """How an answer fares when its demonstrations change order (Lu et al. 2022, arXiv 2104.08786)."""

    answer: str  # the label, or the text
    orders: tuple[Order, ...]  # the original first
    every: bool  # whether these are all orders there are

    @property
    def agreement(self) -> float | None:
        """Share of the orders, the original among them, under which the answer stays, in (0, 1]; None for free text."""
        if self.orders[0].answer is None:
            return None
        return sum(order.answer == self.answer for order in self.orders) / len(self.orders)

    @property
    def lowest(self) -> float:
        """The answer's least probability under any order."""
        return min(order.probability for order in self.orders)

    @property
    def highest(self) -> float:
        """The answer's greatest probability under any order."""
        return max(order.probability for order in self.orders)

    @property
    def flip(self) -> Order | None:
        """The order, of those that lead to another answer, that leaves this one the least; None where none does."""
        others = [order for order in self.orders if order.answer not in (None, self.answer)]
        return min(others, key=lambda order: order.probability, default=None)


@dataclass(frozen=True)
class Change:
    """What one way of changing the demonstrations does, over repeated draws."""

    how: How
    draws: int  # different contexts; 0 where nothing else can be drawn
    agreement: float | None  # share of draws that keep the answer, [0, 1]
    probability: float | None  # mean p(answer), [0, 1]
    kl: float | None  # mean KL(p(y|x, original) || p(y|x, changed)) over the labels, nats, >= 0
    followed: float | None = (
        None  # swapped: share of draws that answer what the swap made of the answer; None where no demonstration has it
    )


@dataclass(frozen=True)
class LabelsAgainstInputs:
    """Whether an answer hangs on the labels of its demonstrations or on their inputs (Min et al. 2022, arXiv 2202.12837)."""

    answer: str
    probability: float  # under the original context, [0, 1]
    changes: tuple[Change, ...]  # by labels, then by inputs

    def by(self, how: How) -> Change:
        """One of the changes."""
        return next(change for change in self.changes if change.how == how)

    @property
    def verdict(self) -> Verdict | None:
        """Which side moves the answer more: random labels under the original inputs, or random inputs under the original labels.

        The two mirror each other: either breaks what joins an input to its label, and keeps one of both sides. A side leads with
        ``TWICE`` the mean shift of the other; a shift below ``LITTLE`` is none. None where a side could not be drawn.
        """
        labels, inputs = self.by("random").kl, self.by("other_inputs").kl
        if labels is None or inputs is None:
            return None
        if max(labels, inputs) < LITTLE:
            return "neither"
        if labels >= TWICE * inputs:
            return "labels"
        return "inputs" if inputs >= TWICE * labels else "both"


@dataclass(frozen=True)
class Share:
    """How often something occurs among the chosen and in the pool they came from."""

    name: str  # a language code, a family, a label, an origin
    chosen: int
    pool: int


@dataclass(frozen=True)
class MakeUp:
    """What the chosen demonstrations are, beside all that could have been chosen; every tuple most chosen first, then most in the pool."""

    chosen: int  # K
    pool: int  # examples that could have been chosen
    languages: tuple[Share, ...]
    families: tuple[Share, ...]
    labels: tuple[Share, ...]  # () for free text
    origins: tuple[Share, ...]
    label_entropy: float | None  # of the chosen, nats, in [0, log L]; None for free text
    pool_label_entropy: float | None  # of the pool
    diversity: float | None  # Vendi score over K of the model's own vectors, in [1/K, 1]; None without such vectors


@dataclass(frozen=True)
class Why:
    """Everything measured about one answer's demonstrations."""

    order: OrderSensitivity | Unmeasured
    against: LabelsAgainstInputs | Unmeasured
    make_up: MakeUp | Unmeasured
