"""What a tuning run leaves: a run that inference takes up with the choice as it was, or an adapter alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toys import toy_examples

from core.data.pool import Pool
from core.errors import InvalidConfig, InvalidData
from core.inference.predictor import Question
from core.models.loading import ModelConfig, load_model
from core.models.trained_run import read_trained
from core.records import Query
from core.training.development import held_items
from core.training.run import split as fit_split
from core.training.tuning.config import TuneConfig
from core.training.tuning.result import RECORD, finish, split, verdict
from core.workbench import Workbench

QUERY = Query("The crowd cheered for the runner.", "eng_Latn")


@pytest.mark.parametrize("method", ["lora", "prompt"])
def test_a_tuned_run_chooses_as_before_and_answers_otherwise(
    make_tuning: Any, policy_run: Path, base: Path, encoder: Any, tmp_path: Path, method: str
) -> None:
    loop = make_tuning(tmp_path / "tuned", run=policy_run, rate=0.05, method=method, prompt_rate=0.05)
    assert loop.run()
    entry = finish(loop, "toys")
    assert entry["states_of_base"] and entry["tuned"]["rank"] == 2
    assert set(entry["tuned_after"]) == {"agl", "zero-shot", "knn"}
    assert entry["after"]["agl"] == entry["tuned_after"]["agl"]
    assert entry["before"] == read_trained(policy_run).manifest["before"]  # before any training
    pools = {"topic": Pool(toy_examples())}
    models = [
        load_model(ModelConfig(str(base), run=str(run), fall_back=False)) for run in (policy_run, tmp_path / "tuned")
    ]
    before, after = (Workbench(model, encoder, pools=pools).predictor("topic") for model in models)
    question = Question(QUERY, "agl", 4)
    chosen = before.select(question)
    assert after.select(question).demonstrations == chosen.demonstrations
    assert models[0].states_fingerprint == models[1].states_fingerprint
    assert models[0].fingerprint != models[1].fingerprint
    untrained = [p.select(Question(QUERY, "agl-untrained", 4)).demonstrations for p in (before, after)]
    assert untrained[0] == untrained[1]
    answers = [p.predict(question).answers[0].with_context for p in (before, after)]
    assert answers[0] is not None and answers[1] is not None
    assert answers[0].probabilities != pytest.approx(answers[1].probabilities, abs=1e-4)


def test_the_adapter_says_what_it_was_made_from(make_tuning: Any, base: Path, tmp_path: Path) -> None:
    loop = make_tuning(tmp_path / "alone", contexts=("zero-shot",))
    loop.run()
    entry = finish(loop, "toys")
    assert json.loads((tmp_path / "alone" / RECORD).read_text()) == json.loads(json.dumps(entry))
    assert not (tmp_path / "alone" / "run.json").exists()
    plain = load_model(ModelConfig(str(base)))
    adapted = load_model(ModelConfig(str(base), adapter=str(tmp_path / "alone" / "adapter")))
    assert (
        json.loads((tmp_path / "alone" / "adapter" / "agl_base.json").read_text())["fingerprint"] == plain.fingerprint
    )
    ids = torch.tensor([[2, 3, 4]])
    with torch.no_grad():
        assert not torch.allclose(plain.network(ids).logits, adapted.network(ids).logits, atol=1e-4)


def test_a_soft_prompt_begins_as_the_names_of_the_labels_and_is_evaluated_as_an_adapter(
    make_tuning: Any, base: Path, encoder: Any, tmp_path: Path
) -> None:
    loop = make_tuning(tmp_path / "soft", contexts=("zero-shot",), method="prompt", virtual_tokens=6, prompt_rate=0.05)
    plain = load_model(ModelConfig(str(base)))
    ids = plain.encode([", ".join(loop.asker.writer.task.labels)])[0][:6]
    (name, start), *more = loop.learnt.items()
    assert "soft_prompt" in name and not more
    assert torch.equal(start, plain.network.get_input_embeddings()(torch.tensor(ids)))
    assert loop.run()
    entry = finish(loop, "toys")
    assert (entry["tuned"]["method"], entry["tuned"]["virtual_tokens"]) == ("prompt", 6)
    learnt = load_model(ModelConfig(str(base), adapter=str(tmp_path / "soft" / "adapter")))
    assert learnt.facts["adapter"] == "adapter"
    pools = {"topic": Pool(toy_examples())}
    question = Question(QUERY, "zero-shot", 0)
    shares = [
        Workbench(model, encoder, pools=pools)
        .predictor("topic")
        .predict(question)
        .answers[0]
        .with_context.probabilities
        for model in (plain, learnt)
    ]
    assert shares[0] != pytest.approx(shares[1], abs=1e-4)


def test_a_finished_run_is_not_written_over(make_tuning: Any, tmp_path: Path) -> None:
    loop = make_tuning(tmp_path / "a", contexts=("zero-shot",))
    loop.run()
    finish(loop, "toys")
    with pytest.raises(InvalidConfig, match="holds a finished run already"):
        make_tuning(tmp_path / "a", contexts=("zero-shot",))


def test_what_a_run_set_aside_stays_aside(tasks: Any, policy_run: Path, short: Any) -> None:
    trained = read_trained(policy_run)
    pool, queries, held = split(TuneConfig(k=2), tasks["topic"], toy_examples(), trained)
    fitted = fit_split(short, tasks["topic"], toy_examples(), None)
    assert [{e.id for e in part} for part in (pool, queries, held)] == [{e.id for e in part} for part in fitted]
    aside = held_items(toy_examples(), 0.2, 0)
    assert aside == {e.item for e in held}
    assert not aside & {e.item for e in (*pool, *queries)}


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"seed": 1}, "seed is 1, but 0 in the run"), ({"share": 0.3}, "share is 0.3, but 0.2 in the run")],
)
def test_other_development_items_than_the_runs_are_refused(
    tasks: Any, policy_run: Path, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidConfig) as refused:
        split(TuneConfig(**changes), tasks["topic"], toy_examples(), read_trained(policy_run))
    assert told in str(refused.value)


def test_a_run_that_changed_the_model_is_refused(
    tasks: Any, make_tuning: Any, policy_run: Path, tmp_path: Path
) -> None:
    loop = make_tuning(tmp_path / "tuned", run=policy_run, steps=1)
    loop.run()
    finish(loop, "toys")
    with pytest.raises(InvalidConfig, match="changed the language model already"):
        split(TuneConfig(), tasks["topic"], toy_examples(), read_trained(tmp_path / "tuned"))


def test_too_few_items_and_free_text_are_refused(tasks: Any) -> None:
    with pytest.raises(InvalidData, match="The queries hold 1 items"):
        split(TuneConfig(), tasks["topic"], [e for e in toy_examples() if e.item == toy_examples()[0].item], None)
    with pytest.raises(InvalidConfig, match="free-text answers"):
        split(TuneConfig(), tasks["translation"], toy_examples(), None)


def test_zero_shot_is_fallen_back_to_where_it_is_better_by_a_test(
    make_tuning: Any, policy_run: Path, tmp_path: Path
) -> None:
    loop = make_tuning(tmp_path / "a", run=policy_run, steps=1)
    loop.run()
    example = loop.development["agl"][0][1]
    pairs = [(None, replace(example, item=f"item-{i}")) for i in range(40)]
    loop.development = {"agl": pairs, "zero-shot": pairs, "knn": pairs}
    loop.before = loop.after = {"agl": [False] * 40, "zero-shot": [True] * 40, "knn": [False] * 40}
    entry = finish(loop, "toys")
    assert entry["fallback"] == "zero-shot"
    assert "zero-shot: 100.0% -> 100.0% on development items" in verdict(entry)
    assert read_trained(tmp_path / "a").fallback == "zero-shot"


def test_few_labelled_queries_teach_and_are_among_more_of_them(tasks: Any) -> None:
    def learnt(**changes: Any) -> list[str]:
        return [example.id for example in split(TuneConfig(**changes), tasks["topic"], toy_examples(), None)[1]]

    few, more = learnt(labelled=3), learnt(labelled=7)
    assert (len(few), len(more)) == (3, 7)
    assert more[:3] == few
    assert len({identity.split("/")[0] for identity in few}) == 3  # languages in turn
    assert len({identity.split("/")[1] for identity in few}) == 3  # and no item twice
    assert set(more) < set(learnt())
    held = [split(TuneConfig(labelled=count), tasks["topic"], toy_examples(), None)[2] for count in (0, 3)]
    assert held[0] == held[1]  # measured on the same


def test_labels_of_some_languages_teach_and_all_are_measured(tasks: Any) -> None:
    _, learnt, held = split(TuneConfig(sources=("eng_Latn",)), tasks["topic"], toy_examples(), None)
    assert {example.language for example in learnt} == {"eng_Latn"}
    assert {example.language for example in held} == {"eng_Latn", "fra_Latn", "swh_Latn"}
    with pytest.raises(InvalidData, match="No query is in tam_Taml, which sources names"):
        split(TuneConfig(sources=("tam_Taml",)), tasks["topic"], toy_examples(), None)


def test_the_record_tells_how_many_queries_taught(make_tuning: Any, tmp_path: Path) -> None:
    loop = make_tuning(tmp_path / "few", contexts=("zero-shot",), labelled=2, steps=2)
    assert len(loop.rows) == 6
    loop.run()
    assert finish(loop, "toys")["tuned_material"] == {"queries": 2}
