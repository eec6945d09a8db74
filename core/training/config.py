"""Settings of a closed-loop run: small records per concern, complete in ``assets/configs/fit_*.toml``."""

import math
from dataclasses import dataclass, field

from core.errors import InvalidConfig
from core.training.bank.build import BankConfig
from core.training.bank.fit import PolicyFitConfig
from core.training.rewards import RewardConfig

MODES = ("supervised", "self")
TEACHERS = ("stop_gradient", "ema", "base", "both")
COHERENCE_TARGETS = ("frozen", "ema", "both")
TRAINED = ("policy", "lora", "full")
LAYERS = ("middle", "retrieval")


@dataclass(frozen=True)
class ContextConfig:
    """How contexts are drawn while learning."""

    k: int = 4  # demonstrations of a context
    contexts: int = 4  # G, contexts drawn for each query
    candidates: int = 256  # examples of the pool that a step chooses among: the nearest to its queries, the rest drawn
    near: float = 0.75  # share of the candidates that are the nearest
    temperature: float = 0.1  # tau at the start; it is learnt
    redundancy: float = 0.0  # as in core.selection.policy

    def __post_init__(self) -> None:
        """Refuse numbers that leave nothing to choose."""
        _at_least("policy", self, k=1, contexts=2, candidates=2)
        if self.candidates < self.k:
            raise InvalidConfig(f"policy.candidates is {self.candidates}, fewer than policy.k = {self.k}; raise it.")
        _within("policy", self, near=(0, 1), redundancy=(0, 1))
        if not self.temperature > 0:
            raise InvalidConfig(f"policy.temperature is {self.temperature}; it must be above 0.")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses, and who teaches."""

    rl: float = 1.0
    align: float = 0.2
    coherence: float = 0.5
    reference: float = 0.05
    writing: float = 1.0  # share of the reinforcement that reaches the tokens of written demonstrations
    teacher: str = "stop_gradient"  # whose p(y|x,C) is imitated, see TEACHERS; both has a gradient on either side
    gate: bool = True  # only contexts that made the right answer likelier teach
    coherence_target: str = "frozen"  # whose Enc(y): the model before training, its running mean, or both sides learn
    variance_floor: float = 0.5  # of unit vectors scaled by sqrt(D); evenly spread ones have 1
    ema: float = 0.95  # decay of the running mean, per step

    def __post_init__(self) -> None:
        """Refuse unknown teachers and negative weights."""
        for name in ("rl", "align", "coherence", "reference", "writing", "variance_floor"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InvalidConfig(f"losses.{name} is {getattr(self, name)}; it must be a number of 0 or more.")
        _one_of("losses.teacher", self.teacher, TEACHERS)
        _one_of("losses.coherence_target", self.coherence_target, COHERENCE_TARGETS)
        if not 0 <= self.ema < 1:
            raise InvalidConfig(f"losses.ema is {self.ema}; it must be 0 or more and below 1.")


@dataclass(frozen=True)
class OptimConfig:
    """How weights are changed."""

    iterations: int = 60
    queries: int = 16  # B, queries of an optimiser step, over all processes and accumulated batches
    accumulate: int = 1  # batches that a step is split into
    trained: str = "lora"  # what learns besides the policy: nothing (policy), an adapter (lora), or all weights (full)
    rank: int = 8  # of the adapter
    learning_rate: float = 3e-5  # of the language model
    policy_rate: float = 3e-4  # of the policy's projection and temperature
    warm_up: int = 4  # steps
    clip: float = 1.0  # norm of the gradient
    bf16: bool = True  # matrix products in bfloat16 where the device has them, weights and sums in float32

    def __post_init__(self) -> None:
        """Refuse impossible numbers."""
        _at_least("optim", self, iterations=1, queries=1, accumulate=1, rank=1, warm_up=0)
        _one_of("optim.trained", self.trained, TRAINED)
        if self.queries % self.accumulate:
            raise InvalidConfig(
                f"optim.queries is {self.queries} and optim.accumulate {self.accumulate}; the first must be a multiple."
            )
        for name in ("learning_rate", "policy_rate", "clip"):
            if not getattr(self, name) > 0:
                raise InvalidConfig(f"optim.{name} is {getattr(self, name)}; it must be above 0.")


@dataclass(frozen=True)
class WritingConfig:
    """How the model writes demonstrations of its own, and which are kept."""

    pairs: int = 8  # tried per iteration, over all processes; 0: none are written
    shown: int = 3  # demonstrations that precede a written pair
    by_label: bool = False  # they share a label, all labels in turn, and the pair must get that label
    temperature: float = 0.8
    max_tokens: int = 40
    votes: int = 3  # m, contexts under which the pair's label is asked for
    agreement: float = 0.6  # share of votes for the label
    shortest: float = 0.4  # characters over the mean of the demonstrations it was written after, lower bound
    longest: float = 2.5  # and upper bound
    overlap: float = 0.5  # share of the pair's character 4-grams that the query or a shown demonstration may have
    coherence: float = (
        0.0  # least cosine between the model's vectors of the pair and of the query (by_label: of the demonstrations)
    )
    label_share: float = 0.4  # most that one label may have among the kept pairs

    def __post_init__(self) -> None:
        """Refuse impossible numbers."""
        _at_least("writing", self, pairs=0, shown=1, max_tokens=4, votes=1)
        _within("writing", self, agreement=(0, 1), overlap=(0, 1), coherence=(-1, 1), label_share=(0, 1))
        if not self.temperature > 0:
            raise InvalidConfig(f"writing.temperature is {self.temperature}; it must be above 0.")
        if not 0 < self.shortest < self.longest:
            raise InvalidConfig(
                f"writing.shortest is {self.shortest} and writing.longest {self.longest}; 0 < shortest < longest."
            )


@dataclass(frozen=True)
class UpkeepConfig:
    """When pairs leave the pool."""

    most_written: int = 64  # written pairs in the pool; the least useful leave first
    uses: int = 12  # times demonstrated before a pair is scored
    harm: float = -0.6  # mean advantage below which a pair leaves
    smallest: float = 0.5  # share of the first pool that always stays

    def __post_init__(self) -> None:
        """Refuse impossible numbers."""
        _at_least("upkeep", self, most_written=0, uses=1)
        _within("upkeep", self, smallest=(0.1, 1))
        if not self.harm < 0:
            raise InvalidConfig(f"upkeep.harm is {self.harm}; it is a mean advantage and must be below 0.")


@dataclass(frozen=True)
class WatchConfig:
    """What is measured on the way, on development items that nothing is learnt from."""

    every: int = 20  # iterations between measurements
    share: float = 0.2  # of the items, set aside
    queries: int = 120  # of a measurement
    fixed: int = 3  # queries whose demonstrations are logged at every measurement
    save_every: int = 20  # iterations between checkpoints
    keep: int = 2  # checkpoints kept

    def __post_init__(self) -> None:
        """Refuse impossible numbers."""
        _at_least("watch", self, every=1, queries=2, fixed=0, save_every=1, keep=1)
        if not 0 < self.share < 1:
            raise InvalidConfig(f"watch.share is {self.share}; it must lie between 0 and 1.")


@dataclass(frozen=True)
class FitConfig:
    """A whole run."""

    task: str = "topic"
    mode: str = "supervised"  # supervised: gold labels of the queries; self: no label of a query, but the pool's demonstrations have theirs
    languages: tuple[str, ...] = ()  # of the queries; empty: all languages of the pool that the task has words for
    answer_languages: int = 1  # M, languages a query is answered in for its reward; the first is its own
    seed: int = 0
    layer: str = "middle"  # whose states are the vectors: the middle one, or by retrieval of translations in the pool, without labels
    policy: ContextConfig = field(default_factory=ContextConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    writing: WritingConfig = field(default_factory=WritingConfig)
    upkeep: UpkeepConfig = field(default_factory=UpkeepConfig)
    watch: WatchConfig = field(default_factory=WatchConfig)
    bank: BankConfig = field(default_factory=BankConfig)  # with queries, the policy learns from scores made once
    choice: PolicyFitConfig = field(default_factory=PolicyFitConfig)  # how it learns from them

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        _one_of("mode", self.mode, MODES)
        _one_of("layer", self.layer, LAYERS)
        if self.answer_languages < 1:
            raise InvalidConfig(f"answer_languages is {self.answer_languages}; it must be 1 or more.")
        if self.mode == "self" and self.answer_languages < 2:
            raise InvalidConfig(
                f"mode is 'self' and answer_languages {self.answer_languages}: without labels the reward is agreement over contexts and "
                "languages, and contexts alone repeat each other's errors; set answer_languages=2 or more."
            )
        trains_policy_alone = self.optim.trained == "policy"
        if trains_policy_alone and self.losses.align > 0:
            raise InvalidConfig(
                f"optim.trained is 'policy' and losses.align {self.losses.align}: the alignment loss changes the language model, which is "
                "not trained; set losses.align=0 or optim.trained=lora."
            )
        if self.bank.queries and not trains_policy_alone:
            raise InvalidConfig(
                f"bank.queries is {self.bank.queries} and optim.trained {self.optim.trained!r}: a bank holds what a frozen language model "
                "says; set optim.trained=policy, or bank.queries=0."
            )
        if self.losses.teacher == "both" and self.losses.gate:
            raise InvalidConfig(
                "losses.teacher is 'both' and losses.gate true: the gate would hide the collapse that 'both' is there to show; set "
                "losses.gate=false or another losses.teacher."
            )


def _at_least(section: str, config: object, **least: int) -> None:
    for name, bound in least.items():
        value = getattr(config, name)
        if value < bound:
            raise InvalidConfig(f"{section}.{name} is {value}; it must be {bound} or more.")


def _within(section: str, config: object, **bounds: tuple[float, float]) -> None:
    for name, (least, most) in bounds.items():
        value = getattr(config, name)
        if not least <= value <= most:
            raise InvalidConfig(f"{section}.{name} is {value}; it must lie between {least} and {most}.")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidConfig(f"{name} is {value!r}; allowed are {', '.join(allowed)}.")
