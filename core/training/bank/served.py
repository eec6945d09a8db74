"""A bank that a server of the same model scores: whether it is that model is seen by a few prompts, scored here and there."""

from collections.abc import Sequence

import numpy as np

from core.errors import InvalidConfig
from core.scoring import Request, Scores
from core.training.config import FitConfig

PROBES = 8  # prompts that are compared
SAME_MODEL = 1.0  # nats, mean distance of a label's log-probability above which it is another model: 4-bit weights stay far below


def require_bank(config: FitConfig) -> None:
    """Raise ``InvalidConfig`` for a run that asks its own weights at every step."""
    if not config.bank.queries:
        raise InvalidConfig(
            "bank.queries is 0: such a run asks the model again at every step, under weights that change; a server can score a bank "
            "alone, so set bank.queries and optim.trained=policy, or leave --served out."
        )


def distance(local: Scores, served: Scores, requests: Sequence[Request]) -> float:
    """Mean distance of the server's label log-probabilities from the local ones, nats, over all answers of ``requests``.

    Raises ``InvalidConfig`` where they are those of another model, and what ``served`` raises.
    """
    pairs = zip(local.score(requests), served.score(requests), strict=True)
    apart = float(np.mean(np.concatenate([np.abs(here - there) for here, there in pairs])))
    if not apart <= SAME_MODEL:
        raise InvalidConfig(
            f"The server's label log-probabilities are {apart:.2f} nats from those of {local.model.config.name!r} on average, over "
            f"{len(requests)} prompts; a bank may be scored by the same model alone (at most {SAME_MODEL:g}): name the server of that "
            "model, or by --model the one that it has."
        )
    return apart
