"""The self-test of translation: what is counted, what is never shown, and the sentences themselves."""

from dataclasses import replace

import pytest
from toys import byte_tokenizer, tiny_model

from core.errors import InvalidQuery
from core.inference.predictor import Predictor
from core.inference.self_test import ITEMS, Direction, SelfTest, Translated, self_test
from core.metrics import chrf
from core.models.generation import Generated
from core.workbench import Workbench, bundled_examples

BUNDLED = bundled_examples("topic")
DIRECTION = Direction("swh_Latn", "eng_Latn", "random", 3)


@pytest.fixture(scope="module")
def translator(encoder) -> Predictor:
    """A seeded byte model over the bundled sentences."""
    return Workbench(tiny_model(byte_tokenizer()), encoder).predictor("translation")


def test_every_bundled_language_says_the_five_and_their_topics_differ() -> None:
    said = {(example.language, example.item): example for example in BUNDLED}
    codes = {example.language for example in BUNDLED}
    assert len(codes) == 30 and all((code, item) in said for code in codes for item in ITEMS)
    assert len({said["eng_Latn", item].label for item in ITEMS}) == len(ITEMS) == 5


@pytest.mark.parametrize("strategy", ["random", "bm25", "knn"])
def test_no_demonstration_says_what_the_sentence_says(translator: Predictor, strategy: str) -> None:
    result = self_test(translator, replace(DIRECTION, strategy=strategy), BUNDLED)
    assert len(result.sentences) == 5
    for item, entry in zip(ITEMS, result.sentences, strict=True):
        items = [demonstration.example.item for demonstration in entry.demonstrations]
        assert items and item not in items
        assert not {demonstration.example.language for demonstration in entry.demonstrations} & {"swh_Latn"}


def test_what_is_written_is_held_to_the_known_translations(
    translator: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A right answer, a copy of the source, one in French, one in a circle, and nothing."""
    sides = {(e.item, e.language): e.text for e in BUNDLED}
    written = [
        sides[ITEMS[0], "eng_Latn"], sides[ITEMS[1], "swh_Latn"], sides[ITEMS[2], "fra_Latn"],
        "the town the town the town", "",
    ]  # fmt: skip

    def generated(model, prompts, config):
        assert all(sides[item, "swh_Latn"] in prompt for item, prompt in zip(ITEMS, prompts, strict=True))
        return [Generated(text, 0.5, repeated="town the" in text) for text in written]

    monkeypatch.setattr("core.inference.self_test.generate_all", generated)
    result = self_test(translator, DIRECTION, BUNDLED)
    references = [sides[item, "eng_Latn"] for item in ITEMS]
    assert [(entry.text, entry.reference) for entry in result.sentences] == [
        (sides[item, "swh_Latn"], reference) for item, reference in zip(ITEMS, references, strict=True)
    ]
    assert [entry.copied for entry in result.sentences] == ["", "source", "", "", ""]
    assert [entry.in_language for entry in result.sentences] == [True, False, False, True, False]
    assert (result.copied, result.repeated, result.in_language) == (1, 1, 2)
    assert result.chrf == pytest.approx(chrf(written, references))
    assert 15 < result.chrf < 50  # a fifth is perfect, three fifths share little with the references


def test_perfect_translations_have_all_of_chrf() -> None:
    perfect = tuple(Translated("habari", text, text, ()) for text in ("good news", "the rain came"))
    assert SelfTest(DIRECTION, perfect).chrf == pytest.approx(100)


def test_a_language_without_the_sentences_is_refused_by_name(translator: Predictor) -> None:
    with pytest.raises(InvalidQuery, match="no sentences for a self-test in Finnish"):
        self_test(translator, replace(DIRECTION, target="fin_Latn"), BUNDLED)
