"""Gradient x input of ``core.inference.attribution`` is that of Inseq (Sarti et al. 2023, arXiv 2302.13942) on a seeded model.

Skipped where it is not installed: ``pip install -r requirements-bench.txt``, which ``make bench`` does.
"""

import numpy as np
import pytest
from toys import byte_tokenizer, tiny_model

from core.inference.attribution import gradient_times_input
from core.models.loading import LanguageModel
from core.scoring import Scorer

inseq = pytest.importorskip("inseq", reason="inseq is not installed; pip install -r requirements-bench.txt")
pytestmark = pytest.mark.filterwarnings("ignore")  # what it imports warns of much

PROMPT = "Text: Un robot répare le tuyau.\nTopic: science\n\nText: Alishinda mbio ndefu.\nTopic:"
CLOSE = 1e-5  # float32; the largest values are 0.1 to 0.3


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return tiny_model(byte_tokenizer(), spread=4.0)


def by_inseq(model: LanguageModel, answer: str, function: str, **options: str) -> np.ndarray:
    """What Inseq gives every token of the prompt, special ones included, summed over hidden size and the answer's tokens."""
    explained = inseq.load_model(model.network, "input_x_gradient", tokenizer=model.tokenizer)
    result = explained.attribute(
        PROMPT, PROMPT + answer, attributed_fn=function, show_progress=False, logprob=True, **options
    )
    (one,) = result.sequence_attributions
    scores = one.target_attributions.sum(-1).numpy()  # (tokens, the answer's tokens); NaN beyond what was read
    return np.nan_to_num(scores)[: model.length(PROMPT)].sum(-1)


def by_us(model: LanguageModel, answers: list[str]) -> np.ndarray:
    targets = Scorer(model).targets([(PROMPT, answer) for answer in answers])
    values, _ = gradient_times_input(model.network, targets)
    assert len(values) == model.length(PROMPT)
    return np.array(values)


@pytest.mark.parametrize("answer, rival", [("s", "p"), ("\n", "T")])
def test_the_contrast_of_answers_of_one_token_is_that_of_inseqs_own_contrastive_step(
    model: LanguageModel, answer: str, rival: str
) -> None:
    ours = by_us(model, [answer, rival])
    assert np.abs(ours).max() > 0.01
    theirs = by_inseq(model, answer, "contrast_prob_diff", contrast_targets=PROMPT + rival)
    assert np.allclose(ours, theirs, rtol=0, atol=CLOSE)


def test_the_contrast_of_answers_of_several_tokens_is_the_difference_of_inseqs_sums(model: LanguageModel) -> None:
    """Inseq compares token by token, and so cannot contrast answers of unequal length; each answer's own sum it has."""
    answer, rival = " mchezo", " siasa na"
    ours = by_us(model, [answer, rival])
    theirs = by_inseq(model, answer, "probability") - by_inseq(model, rival, "probability")
    assert np.abs(ours).max() > 0.01
    assert np.allclose(ours, theirs, rtol=0, atol=CLOSE)


def test_one_free_text_without_a_rival_is_inseqs_sum(model: LanguageModel) -> None:
    ours = by_us(model, [" ndefu."])
    assert np.allclose(ours, by_inseq(model, " ndefu.", "probability"), rtol=0, atol=CLOSE)
