"""Gemma 3 270M itself: 262,144 words, a sliding window of 512 tokens in five layers of six."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from core.models.catalogue import GEMMA, is_set_up
from core.models.loading import LanguageModel, ModelConfig, load_model
from core.scoring import Request, Scorer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_set_up(GEMMA), reason="Gemma is not set up; run python train.py models --set-up"),
]
WORDS = (" technology", " travel", " Gesundheit", " teknolojia")
BLOCK = "Sentence: The river crosses a desert and is used by three countries.\nTopic: geography\n\n"


@pytest.fixture(scope="module")
def gemma() -> Iterator[LanguageModel]:
    yield load_model(ModelConfig(GEMMA, "fp32", "cpu"))


def test_gemma_is_packed_and_exact_past_its_sliding_window(gemma: LanguageModel) -> None:
    request = Request("Name the topic.\n\n" + BLOCK * 36 + "Sentence: We took the night train.\nTopic:", WORDS)
    scorer = Scorer(gemma)
    got = scorer.score([request])[0]
    assert (scorer.method, scorer.window) == ("packed", gemma.context)
    assert scorer.head is not None
    for answer, value in ((WORDS[place], got[place]) for place in (0, 3)):  # of one piece and of two
        (target,) = scorer.targets([(request.context, answer)])
        assert len(target.tokens) > 600
        with torch.inference_mode():
            states = gemma.network.get_decoder()(input_ids=torch.tensor([target.tokens]))[0][0, target.first - 1 : -1]
            logs = gemma.network.get_output_embeddings()(states).log_softmax(-1)
        alone = logs[torch.arange(len(logs)), torch.tensor(target.tokens[target.first :])].sum()
        assert value == pytest.approx(float(alone), abs=1e-4)
    assert np.ptp(got) > 1
