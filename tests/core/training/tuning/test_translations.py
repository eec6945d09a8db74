"""Queries that the model translates itself: what it is shown, which lines are kept and why others are not, and that they teach."""

import json
from pathlib import Path
from typing import Any

import pytest
from toys import toy_examples

from core.errors import InvalidData
from core.models.generation import Generated
from core.models.loading import LanguageModel
from core.prompting import PromptConfig
from core.records import Query
from core.training.tuning import translations
from core.training.tuning.config import TuneConfig
from core.training.tuning.result import finish, verdict
from core.training.tuning.translations import FILE, REASONS, SHOTS, translate_queries

ENGLISH = [example for example in toy_examples() if example.language == "eng_Latn"]
RIGHT = {
    side.text: other.text
    for side in ENGLISH
    for other in toy_examples()
    if (other.item, other.language) == (side.item, "fra_Latn")
}


def asked_of(prompts: list[str]) -> list[str]:
    """The sentence that each prompt ends with."""
    return [next(e.text for e in ENGLISH if e.text in prompt.split("\n\n")[-1]) for prompt in prompts]


@pytest.fixture
def translate(model: LanguageModel, tasks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Translates toy queries with lines (or functions of the prompt) that a test gives by English sentence; what is not given is right."""
    calls: list[list[str]] = []

    def run(given: dict[str, Any], queries: Any = ENGLISH, codes: Any = ("fra_Latn",), **changes: Any) -> Any:
        def lines(_model: Any, prompts: list[str], *_: Any) -> list[Generated]:
            calls.append(prompts)
            made = [given.get(text, Generated(RIGHT[text], 0.9)) for text in asked_of(prompts)]
            return [line(prompt) if callable(line) else line for line, prompt in zip(made, prompts, strict=True)]

        monkeypatch.setattr(translations, "generate_all", lines)
        config = TuneConfig(**({"translations": 10, "sources": ("eng_Latn",)} | changes))
        prompt, parallel = PromptConfig(), toy_examples()
        return translate_queries(config, model, tasks["translation"], prompt, queries, codes, parallel, tmp_path)

    run.calls = calls  # type: ignore[attr-defined]
    return run


def test_a_translation_has_the_label_and_the_item_of_its_source(translate: Any) -> None:
    made = translate({})
    assert (made.requested, made.rejected) == (10, {})
    by_item = {example.item: example for example in made.kept}
    for source in ENGLISH:
        example = by_item[source.item]
        assert (example.text, example.label, example.language) == (RIGHT[source.text], source.label, "fra_Latn")
        assert example.origin == "generated"
        assert example.id != source.id
    assert made.facts == {"requested": 10, "kept": 10, "rejected": {}, "languages": {"fra_Latn": 10}}


def test_it_is_written_after_parallel_sentences_among_which_its_own_translation_is_not(translate: Any) -> None:
    translate({})
    (prompts,) = translate.calls
    for prompt, text in zip(prompts, asked_of(prompts), strict=True):
        assert sum(other in prompt for other in RIGHT.values()) == SHOTS
        assert RIGHT[text] not in prompt


def test_every_reason_against_a_line_is_named_and_counted(translate: Any) -> None:
    texts = [example.text for example in ENGLISH]
    given: dict[str, Any] = {
        texts[0]: Generated("Un robot répare", 0.9, ended=False),
        texts[1]: Generated("... 12", 0.9),
        texts[2]: Generated("Мэр проиграл выборы вчера.", 0.9),
        texts[3]: Generated("The mayor has lost the vote and the people are happy.", 0.9),
        texts[4]: Generated("L'infirmière " * 20, 0.9),
        texts[5]: Generated("Le club gagne encore une fois.", 0.9),
        texts[7]: Generated("Le club gagne encore une fois.", 0.9),  # by the words of another
    }
    given[texts[6]] = lambda prompt: Generated(
        next(other for other in RIGHT.values() if other in prompt), 0.9
    )  # copied
    made = translate(given)
    assert made.rejected == dict.fromkeys(REASONS, 1)
    assert (made.requested, len(made.kept)) == (10, 3)
    assert made.facts["rejected"] == dict.fromkeys(REASONS, 1)


def test_fewer_are_asked_for_and_sources_are_not_translated_into(translate: Any) -> None:
    assert translate({}, translations=3).requested == 3
    made = translate({}, codes=("eng_Latn", "fra_Latn"), translations=4)
    assert {example.language for example in made.kept} == {"fra_Latn"}
    with pytest.raises(InvalidData, match="No query can be translated into eng_Latn"):
        translate({}, codes=("eng_Latn",))
    with pytest.raises(InvalidData, match="fewer than 4 parallel sentences"):
        translate({}, codes=("tam_Taml",))


def test_a_run_that_goes_on_reads_what_it_has_written(translate: Any, tmp_path: Path) -> None:
    first = translate({})
    assert translate({ENGLISH[0].text: Generated("Autre chose ici.", 0.9)}) == first
    assert len(translate.calls) == 1
    assert json.loads((tmp_path / FILE).read_text())["requested"] == 10
    assert translate({}, translations=2).requested == 2  # another run's
    assert len(translate.calls) == 2


def test_translations_join_the_queries_that_teach_and_are_told_in_the_record(
    make_tuning: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        translations, "generate_all", lambda _m, prompts, *_: [Generated(RIGHT[t], 0.9) for t in asked_of(prompts)]
    )
    settings = {"languages": ("eng_Latn", "fra_Latn"), "sources": ("eng_Latn",), "translations": 3}
    loop = make_tuning(tmp_path / "a", contexts=("zero-shot",), **settings)
    asked: list[Query] = [row.ask.query for row in loop.rows]
    assert {query.language for query in asked} == {"eng_Latn", "fra_Latn"}
    french = {query.text for query in asked if query.language == "fra_Latn"}
    assert len(french) == 3 and french <= set(RIGHT.values())
    held = {example.item for pairs in loop.development.values() for _, example in pairs}
    assert not held & {query.item for query in asked}
    labels = {example.item: example.label for example in toy_examples()}
    names = loop.asker.writer.task.labels
    assert all(names[row.gold] == labels[row.ask.query.item] for row in loop.rows)
    loop.run()
    entry = finish(loop, "toys")
    assert entry["tuned_material"]["translations"] == {
        "requested": 3,
        "kept": 3,
        "rejected": {},
        "languages": {"fra_Latn": 3},
    }
    assert verdict(entry).splitlines()[-1] == "3 of 3 translations of queries were kept."
