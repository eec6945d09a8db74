"""What is scored in an evaluation: label words of every language, words that begin alike, an item's own choices.

Tests of `core.cli.evaluation_data`, `core.records`.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from evaluation_toys import QUERIES

from core.cli.evaluate import LABELS
from core.data.pool import Pool
from core.data.tasks import Task
from core.evaluation import EvaluationConfig, evaluate
from core.inference.predictor import Predictor, Settings
from core.models.loading import LanguageModel
from core.prompting import PromptConfig, PromptWriter
from core.records import Demonstration, Example, Query
from core.workbench import Workbench

# Words that are the beginnings of others, share beginnings, or are the same apart from their last letter.
NESTED = ("go", "goes", "going on", "going", "g", "good", "gone")


@torch.inference_mode()
def one_by_one(model: LanguageModel, prompt: str, words: Sequence[str]) -> list[float]:
    """``log p(word | prompt)`` by a pass of its own for every word, in float32, nats."""
    found = []
    for word in words:
        before, after = model.encode([prompt])[0], model.encode([prompt + word])[0]
        assert after[: len(before)] == before  # bytes do not merge
        ids = torch.tensor([[*model.start, *after]])
        logs = model.network(input_ids=ids).logits[0].log_softmax(-1)
        first = ids.shape[1] - (len(after) - len(before))
        found.append(sum(float(logs[place - 1, ids[0, place]]) for place in range(first, ids.shape[1])))
    return found


def test_words_that_begin_alike_score_as_they_do_one_by_one(bench: Workbench, pool: Pool) -> None:
    base = bench.tasks["topic"]
    words = replace(base.verbaliser("eng_Latn"), words=dict(zip(base.labels, NESTED, strict=True)))
    task = Task("topic", base.labels, base.templates, {"eng_Latn": words})
    predictor = Predictor(task, bench.index("topic"), bench.scorer)
    items = evaluate(predictor, QUERIES[:2], EvaluationConfig(("zero-shot", "bm25"), (2,), (0,), None))
    examples = {example.id: example for example in pool.examples}
    for row in items.to_dict("records"):
        query = next(query for query in QUERIES if query.id == row["id"])
        shown = [Demonstration(examples[name], None, None) for name in json.loads(row["demonstrations"])]
        prompt = predictor.writer.prompt(query.query, shown, query.language).text
        scores = one_by_one(predictor.model, prompt, [f" {word}" for word in NESTED])
        assert json.loads(row["log_probs"]) == pytest.approx(scores, abs=1e-4)
        assert row["prediction"] == task.labels[int(np.argmax(scores))]
        assert row["answer"] == NESTED[int(np.argmax(scores))]


def test_an_items_own_choices_score_as_they_do_one_by_one(bench: Workbench) -> None:
    choices = [("It broke.", "It broke the table."), ("Nobody saw it.", "It flew.")]
    pool = Pool(
        tuple(
            Example(f"p{n}/{code}", f"p{n}", code, f"The cup {n} fell. Why?", str(n % 2), choices=pair)
            for n, pair in enumerate(choices)
            for code in ("fra_Latn", "swh_Latn")
        )
    )
    queries = [
        Example(f"q{n}", f"q{n}", "eng_Latn", f"The lamp {n} shone. Why?", "1", choices=pair)
        for n, pair in enumerate([("Light", "Lights"), ("Somebody lit it.", "It rained.")])
    ]
    found = Workbench(bench.model, bench.encoder, pools={"commonsense": pool}).predictor("commonsense")
    items = evaluate(found, queries, EvaluationConfig(("knn",), (1,), (0,), None))
    for row, query in zip(items.to_dict("records"), queries, strict=True):
        (name,) = json.loads(row["demonstrations"])
        shown = next(example for example in pool.examples if example.id == name)
        prompt = found.writer.prompt(query.query, [Demonstration(shown, None, None)], "eng_Latn").text
        assert f": {shown.choices[int(shown.label)]}\n\n" in prompt  # its answer in words
        scores = one_by_one(found.model, prompt, [f" {choice}" for choice in query.choices])
        assert json.loads(row["log_probs"]) == pytest.approx(scores, abs=1e-4)
        assert row["prediction"] == str(int(np.argmax(scores)))
        assert row["answer"] == query.choices[int(np.argmax(scores))]


WORDS = {  # of sports, travel; and what is scored, by --labels
    "query": ("sport", "voyages", " santé"),
    "english": ("sports", "travel", " health"),
    "pool": ("michezo", "travel", " santé"),  # the demonstrations are Swahili and English
}


@pytest.mark.parametrize("labels", LABELS)
def test_prompts_say_labels_in_the_language_asked_for(bench: Workbench, pool: Pool, labels: str) -> None:
    writer = PromptWriter(bench.tasks["topic"], pool, bench.model, PromptConfig(labels=LABELS[labels]))
    near, far = pool.side("item-3", "swh_Latn"), pool.side("item-1", "eng_Latn")
    assert near is not None
    assert far is not None
    shown = [Demonstration(near, None, None), Demonstration(far, None, None)]
    sports, travel, health = WORDS[labels]
    assert writer.prompt(Query("Le médecin soigne le rhume.", "fra_Latn"), shown, "fra_Latn").text == (
        "Indique le thème de la dernière phrase.\n\n"
        f"Phrase: The bus leaves for the coast.\nThème: {travel}\n\n"
        f"Phrase: Alishinda mbio ndefu.\nThème: {sports}\n\n"
        "Phrase: Le médecin soigne le rhume.\nThème:"
    )
    assert writer.words("fra_Latn")[4] == health


def test_answers_are_scored_and_shown_in_english_words_where_they_are_asked_for(bench: Workbench) -> None:
    settings = Settings(prompt=PromptConfig(labels=LABELS["english"]))
    predictor = Predictor(bench.tasks["topic"], bench.index("topic"), bench.scorer, settings)
    (row,) = evaluate(predictor, QUERIES[1:2], EvaluationConfig(("zero-shot",), (0,), (0,), None)).to_dict("records")
    english = [f" {bench.tasks['topic'].verbaliser('eng_Latn').words[label]}" for label in bench.tasks["topic"].labels]
    prompt = predictor.writer.prompt(QUERIES[1].query, (), "fra_Latn").text
    scores = one_by_one(predictor.model, prompt, english)
    assert json.loads(row["log_probs"]) == pytest.approx(scores, abs=1e-4)
    assert row["answer"] == english[int(np.argmax(scores))].strip()
