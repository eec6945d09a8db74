"""Our log-probabilities are those of lm-evaluation-harness for the same bytes, on the embedded model.

Skipped where it is not installed: ``pip install -r requirements-bench.txt``, which ``make bench`` does.
"""

import pytest

from core.models.loading import ModelConfig
from core.scoring import Request, Scorer
from core.workbench import open_workbench

pytest.importorskip("lm_eval", reason="lm-eval is not installed; pip install -r requirements-bench.txt")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # what it imports warns of much


@pytest.mark.parametrize("batch", [1, 5])
def test_scores_are_those_of_the_harness_with_labels_of_one_and_of_several_tokens(batch: int) -> None:
    from benchmarks.harness import Harness
    from benchmarks.scoring import CLOSE, apart
    from benchmarks.scoring import topic_requests as requests

    bench = open_workbench(ModelConfig(precision="fp32", device="cpu"))
    asked = [*requests(bench, shared=False, one_token=False, queries=2), *requests(bench, True, True, queries=1)]
    lone = Request("Jina lako ni nani?", (" mimi", " wewe na yule", "。"))
    lengths = {
        len(t.tokens) - t.first for r in asked for t in Scorer(bench.model).targets([(r.context, a) for a in r.answers])
    }
    assert lengths > {1}
    ours, theirs = Scorer(bench.model).score([*asked, lone]), Harness(bench.model, batch).score([*asked, lone])
    assert apart(ours, theirs) <= CLOSE
