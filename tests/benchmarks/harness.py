"""lm-evaluation-harness beside our scorer: the same model object, the same contexts and answers.

Nothing of it is changed. ``HFLM`` keeps its logits cache, which computes a context once for answers of one token.
"""

from collections.abc import Sequence

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from core.models.loading import LanguageModel
from core.scoring import Request


class Harness:
    """Scores requests by ``HFLM.loglikelihood``."""

    def __init__(self, model: LanguageModel, batch: int) -> None:
        """``batch``: sequences of one forward pass."""
        self._lm = HFLM(pretrained=model.network, tokenizer=model.tokenizer, batch_size=batch)

    def score(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Log-probabilities, one array ``(answers,)`` per request, nats."""
        instances = [
            Instance("loglikelihood", {}, (request.context, answer), index)
            for index, request in enumerate(requests)
            for answer in request.answers
        ]
        values = [value for value, _ in self._lm.loglikelihood(instances, disable_tqdm=True)]
        ends = np.cumsum([len(request.answers) for request in requests])[:-1]
        return list(np.split(np.array(values), ends))
