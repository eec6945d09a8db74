"""What is asked of a predictor, and the settings that all questions share."""

from dataclasses import dataclass, field

from core.errors import InvalidConfig
from core.inference.label_scores import CALIBRATIONS
from core.prompting import PromptConfig
from core.records import Demonstration, Query
from core.scoring.labels import LABEL_SCORES, LabelScore
from core.selection.policy import PolicyConfig


@dataclass(frozen=True)
class Question:
    """What is asked, and how demonstrations are chosen for it."""

    query: Query
    strategy: str = "agl"
    k: int = 4
    answer_languages: tuple[str, ...] = ()  # empty: the query's own language
    pool_languages: tuple[str, ...] | None = None  # None: every language but the query's
    seed: int = 0
    explain: bool = True  # measure what leaving each demonstration out does
    fixed: tuple[Demonstration, ...] | None = None  # used as they are instead of being chosen
    pinned: tuple[
        Demonstration, ...
    ] = ()  # come first, as they are; the strategy chooses the rest of the k, of other items


@dataclass(frozen=True)
class Settings:
    """Settings shared by all questions."""

    policy: PolicyConfig = field(default_factory=PolicyConfig)
    prompt: PromptConfig = field(default_factory=PromptConfig)
    calibration: str = "none"  # of label scores; batch calibration needs a batch, see core.evaluation
    label_score: LabelScore = "sum"  # of labels of several tokens, see core.scoring.labels
    label_temperature: float | None = (
        None  # divides log-probabilities and changes no answer; None: the one that was fitted
    )

    def __post_init__(self) -> None:
        """Refuse unknown choices."""
        if self.label_score not in LABEL_SCORES:
            raise InvalidConfig(f"label_score is {self.label_score!r}; allowed are {', '.join(LABEL_SCORES)}.")
        if self.calibration not in CALIBRATIONS:
            raise InvalidConfig(f"calibration is {self.calibration!r}; allowed are {', '.join(CALIBRATIONS)}.")
