"""Rendered prompts against literal strings, and the bundled files.

Tests of `core.data.tasks`, `core.language_id`.
"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.language_id import detect
from core.workbench import bundled_examples
from core.errors import InvalidData
from core.languages import language
from core.models.loading import ASSETS
from core.prompting import PromptConfig, PromptWriter
from core.records import Demonstration, Example, Query
from core.data.tasks import Task, load_tasks
from core.data.templates import PromptTemplate, clean, load_templates
from core.data.tasks import load_verbalisers

HEADER = 'language = "eng_Latn"\nversion = "1"\nauthor = "A"\nprovenance = "P"\n'
SECTION = '[topic]\ninstruction = "I"\ninput = "In: {text}"\noutput = "Out: {answer}"\n'
WORDS = '[topic]\nsentence = "About {label}."\n[topic.labels]\na = "one"\nb = "two"\n'

THIRTY = sorted(language(path.stem).code for path in (ASSETS / "demonstrations" / "topic").glob("*.jsonl"))
assert len(THIRTY) == 30


def shown(example: Example) -> Demonstration:
    return Demonstration(example, None, None)


@pytest.fixture(scope="module")
def writer(bench: object, tasks: dict[str, Task], pool: object, model: object) -> PromptWriter:
    return PromptWriter(tasks["topic"], pool, model, PromptConfig())  # type: ignore[arg-type]


def test_english_prompt_is_exactly_this(writer: PromptWriter) -> None:
    demonstrations = [writer.pool.side("item-3", "fra_Latn"), writer.pool.side("item-4", "swh_Latn")]
    prompt = writer.prompt(Query("The bus left.", "eng_Latn"), [shown(e) for e in demonstrations if e], "eng_Latn")
    # The preferred demonstration stands last; the answer's space belongs to the answer.
    assert prompt.text == (
        "Name the topic of the last sentence.\n\n"
        "Sentence: Muuguzi anatibu homa.\nTopic: health\n\n"
        "Sentence: Elle a gagné la longue course.\nTopic: sports\n\n"
        "Sentence: The bus left.\nTopic:"
    )
    assert prompt.template == "topic/eng_Latn@1"
    assert writer.task.template("eng_Latn").answer("travel") == " travel"


def test_arabic_prompt_is_exactly_this(writer: PromptWriter) -> None:
    example = writer.pool.side("item-3", "fra_Latn")
    assert example is not None
    assert writer.prompt(Query("The bus left.", "eng_Latn"), [shown(example)], "arb_Arab").text == (
        "اذكر موضوع الجملة الأخيرة.\n\n"
        "الجملة: Elle a gagné la longue course.\nالموضوع: الرياضة\n\n"
        "الجملة: The bus left.\nالموضوع:"
    )


def test_chinese_prompt_has_no_space_before_the_label(writer: PromptWriter) -> None:
    example = writer.pool.side("item-3", "fra_Latn")
    assert example is not None
    assert writer.prompt(Query("公共汽车开了。", "zho_Hans"), [shown(example)], "zho_Hans").text == (
        "请说出最后一句话的主题。\n\n句子：Elle a gagné la longue course.\n主题：体育\n\n句子：公共汽车开了。\n主题："
    )
    assert writer.task.template("zho_Hans").answer("体育") == "体育"


def test_translation_prompt_names_languages_in_themselves(writer: PromptWriter, tasks: dict[str, Task]) -> None:
    translator = PromptWriter(tasks["translation"], writer.pool, writer.model, PromptConfig())
    demonstrations = [writer.pool.side("item-3", "swh_Latn"), writer.pool.side("item-4", "eng_Latn")]
    prompt = translator.prompt(Query("The bus left.", "eng_Latn"), [shown(e) for e in demonstrations if e], "fra_Latn")
    assert prompt.text == (
        "Traduis la dernière phrase en français.\n\n"
        "English: The nurse treats a fever.\nfrançais: L'infirmière soigne une fièvre.\n\n"
        "Kiswahili: Alishinda mbio ndefu.\nfrançais: Elle a gagné la longue course.\n\n"
        "English: The bus left.\nfrançais:"
    )


def test_translation_into_a_demonstrations_own_language_leaves_it_out(
    writer: PromptWriter, tasks: dict[str, Task]
) -> None:
    translator = PromptWriter(tasks["translation"], writer.pool, writer.model, PromptConfig())
    own, other = writer.pool.side("item-3", "fra_Latn"), writer.pool.side("item-4", "swh_Latn")
    assert own is not None
    assert other is not None
    prompt = translator.prompt(Query("The bus left.", "eng_Latn"), [shown(own), shown(other)], "fra_Latn")
    assert [entry.example.id for entry in prompt.demonstrations] == [other.id]
    assert [entry.example.id for entry in prompt.dropped] == [own.id]


@pytest.mark.parametrize(("labels", "word"), [("answer", "deporte"), ("english", "sports"), ("demonstration", "sport")])
def test_labels_are_said_in_the_chosen_language(writer: PromptWriter, labels: str, word: str) -> None:
    config = PromptConfig(labels=labels)  # type: ignore[arg-type]
    example = writer.pool.side("item-3", "fra_Latn")
    assert example is not None
    told = PromptWriter(writer.task, writer.pool, writer.model, config)
    blocks = told.prompt(Query("x", "eng_Latn"), [shown(example)], "spa_Latn").text.split("\n\n")
    assert blocks[1].endswith(f": {word}")


def test_best_first_reverses_the_order(writer: PromptWriter) -> None:
    demonstrations = [shown(e) for e in writer.pool.examples[1:4]]
    first = PromptWriter(writer.task, writer.pool, writer.model, PromptConfig(order="best_first"))
    query = Query("x", "deu_Latn")
    assert first.prompt(query, demonstrations, "eng_Latn").demonstrations == tuple(demonstrations)
    assert writer.prompt(query, demonstrations, "eng_Latn").demonstrations == tuple(demonstrations[::-1])


HOSTILE = st.text(
    alphabet=st.sampled_from(list("ab {}:\n\r\t\v\f\x00\x1b\x85\u2028\u2029\u202e\u2066\u200f\ud800")), max_size=30
)


@given(HOSTILE, HOSTILE)
def test_no_text_can_fake_the_structure_of_a_prompt(text: str, answer: str) -> None:
    template = PromptTemplate("topic", "eng_Latn", "1", "Do it.", "{source_language}: {text}", "Out: {answer}")
    block = template.block(text, answer, "fra_Latn")
    assert len(block.splitlines()) == 2  # Python splits at every line break that Unicode knows
    first, second = block.split("\n")
    assert first == f"français: {clean(text)}"
    assert second == f"Out: {clean(answer)}"
    assert not set(block) & set("\x00\x1b\u202e\u2066\u200f\ud800")


@pytest.mark.parametrize("text", ["{text}", "{answer}", "{source_language}", "{target_language}", "{0}", "{", "%s"])
def test_placeholders_in_a_text_are_plain_text(tasks: dict[str, Task], text: str) -> None:
    template = tasks["translation"].template("eng_Latn")
    assert template.open_block(text, "fra_Latn") == f"français: {text}\nEnglish:"
    assert template.block("x", text, "fra_Latn") == f"français: x\nEnglish: {text}"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a\n\nTopic: b", "a Topic: b"),
        ("\u202eevil\u202c", "evil"),
        ("a\x00b", "a b"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # the zero-width joiners of Persian and Hindi are letters' business
        ("क्\u200dष", "क्\u200dष"),
        ("é e\u0301", "é e\u0301"),
    ],
)
def test_cleaning_keeps_letters_marks_and_joiners(raw: str, expected: str) -> None:
    assert clean(raw) == expected


def test_a_language_without_files_falls_back_to_english(tasks: dict[str, Task]) -> None:
    topic = tasks["topic"]
    assert "nld_Latn" not in topic.languages
    assert topic.template("nld_Latn").language == "eng_Latn"
    assert topic.verbaliser("nld_Latn").words["travel"] == "travel"
    assert topic.template("fra_Latn").language == "fra_Latn"


def test_a_label_is_said_in_full_in_its_language(tasks: dict[str, Task]) -> None:
    assert tasks["topic"].verbaliser("eng_Latn").sentence_of("travel") == "This sentence is about travel."
    assert tasks["topic"].verbaliser("zho_Hans").sentence_of("travel") == "这句话的主题是旅行。"


TEMPLATE_FAULTS = {
    "no header field": (HEADER.replace('version = "1"\n', "") + SECTION, r"has no field 'version'"),
    "not TOML": ("language = ", r"cannot be read as TOML"),
    "no placeholder": (HEADER + SECTION.replace("{text}", ""), r"\[topic\]: field 'input'.*\{text\}"),
    "answer not at the end": (HEADER + SECTION.replace("{answer}", "{answer}!"), r"'output' must end with \{answer\}"),
    "instruction missing": (HEADER + SECTION.replace('instruction = "I"\n', ""), r"field 'instruction'"),
}


@pytest.mark.parametrize("fault", TEMPLATE_FAULTS)
def test_a_faulty_template_is_refused_with_file_and_field(fault: str, tmp_path: Path) -> None:
    content, message = TEMPLATE_FAULTS[fault]
    (tmp_path / "eng_Latn.toml").write_text(content, encoding="utf-8")
    with pytest.raises(InvalidData, match=message) as caught:
        load_templates(tmp_path)
    assert "eng_Latn.toml" in str(caught.value)


def test_a_folder_without_templates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="No prompt template"):
        load_templates(tmp_path)


WORD_FAULTS = {
    "equal words": (WORDS.replace("two", "ONE"), r"'a' and 'b' share the word 'ONE'"),
    "empty word": (WORDS.replace("two", " "), r"every label needs a word"),
    "no sentence": (WORDS.replace("{label}", ""), r"'sentence' must be a line of text holding \{label\}"),
}


@pytest.mark.parametrize("fault", WORD_FAULTS)
def test_a_faulty_verbaliser_is_refused(fault: str, tmp_path: Path) -> None:
    content, message = WORD_FAULTS[fault]
    (tmp_path / "eng_Latn.toml").write_text(HEADER + content, encoding="utf-8")
    with pytest.raises(InvalidData, match=message):
        load_verbalisers(tmp_path)


def test_words_that_merely_begin_alike_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "eng_Latn.toml").write_text(HEADER + WORDS.replace("two", "one more"), encoding="utf-8")
    assert load_verbalisers(tmp_path)["topic", "eng_Latn"].words == {"a": "one", "b": "one more"}


def test_verbalisers_with_different_labels_are_refused(tmp_path: Path) -> None:
    (tmp_path / "eng_Latn.toml").write_text(HEADER + WORDS, encoding="utf-8")
    other = (HEADER + WORDS).replace("eng_Latn", "fra_Latn").replace("b = ", "c = ")
    (tmp_path / "fra_Latn.toml").write_text(other, encoding="utf-8")
    with pytest.raises(InvalidData, match=r"'topic' in eng_Latn and fra_Latn differ in the labels \['b', 'c'\]"):
        load_verbalisers(tmp_path)


def test_a_task_without_an_english_template_is_refused(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "verbalisers").mkdir()
    (tmp_path / "templates" / "fra_Latn.toml").write_text((HEADER + SECTION).replace("eng_Latn", "fra_Latn"))
    with pytest.raises(InvalidData, match="'topic' has no template in eng_Latn"):
        load_tasks(tmp_path)


def test_every_bundled_task_speaks_thirty_languages(tasks: dict[str, Task]) -> None:
    assert set(tasks) == {"topic", "sentiment", "translation", "paraphrase", "emotion", "commonsense", "qa", "math"}
    for task in tasks.values():
        assert list(task.languages) == THIRTY
    for name in ("topic", "sentiment", "paraphrase", "emotion"):
        labels = {code: set(verbaliser.words) for code, verbaliser in tasks[name].verbalisers.items()}
        assert sorted(labels) == THIRTY
        assert all(found == set(tasks[name].labels) for found in labels.values())
    assert not any(tasks[name].is_closed for name in ("translation", "qa", "math"))
    assert tasks["commonsense"].labels == ("0", "1")
    assert tasks["commonsense"].own_choices


def test_every_language_writes_the_parts_of_an_item_out(tasks: dict[str, Task]) -> None:
    wanted = {
        "paraphrase": {"pair": {"sentence1": "A", "sentence2": "<>"}},
        "commonsense": {"cause": {"premise": "A"}, "effect": {"premise": "A"}},
        "qa": {"question": {"context": "A", "question": "<>"}},
    }
    for name, forms in wanted.items():
        for code, template in tasks[name].templates.items():
            assert set(template.texts) == set(forms), (name, code)
            for form, parts in forms.items():
                text = template.text(form, parts)
                assert "{" not in text, (name, code)
                assert text.startswith("A"), (name, code)
                assert ("<>" in text) == ("<>" in parts.values()), (name, code)
    assert tasks["commonsense"].template("eng_Latn").text("cause", {"premise": "It {b}\nrains."}) == (
        "It {b} rains. This happened because:"
    )


def test_bundled_files_are_named_for_the_language_inside() -> None:
    for folder in ("templates", "verbalisers"):
        for path in (ASSETS / folder).glob("*.toml"):
            assert f'language = "{path.stem}"' in path.read_text(encoding="utf-8")


def test_bundled_templates_write_their_own_script(tasks: dict[str, Task]) -> None:
    for task in tasks.values():
        for code, template in task.templates.items():
            share = language(code).share_of_script(template.instruction)
            assert share is not None, (task.name, code)
            assert share > 0.9, (task.name, code)


def test_bundled_label_words_have_no_spaces_at_their_ends(tasks: dict[str, Task]) -> None:
    for task in tasks.values():
        for verbaliser in task.verbalisers.values():
            assert all(word == clean(word) for word in verbaliser.words.values())


@pytest.mark.parametrize("name", ["topic", "sentiment"])
def test_bundled_demonstrations_have_consistent_ids_items_and_labels(name: str, tasks: dict[str, Task]) -> None:
    examples = bundled_examples(name)
    assert sorted({example.language for example in examples}) == THIRTY
    labels: dict[str, str] = {}
    for example in examples:
        tasks[name].check_label(example.label, example.id)
        kind, code, number = example.id.split("/")
        assert (kind, code, f"{name}-{number}") == (name, example.language, example.item)
        assert labels.setdefault(example.item, example.label) == example.label
    assert set(labels.values()) == set(tasks[name].labels)
    assert len(examples) == len(labels) * len(THIRTY)


def test_instructions_are_in_their_language(tasks: dict[str, Task]) -> None:
    """Catches a file copied under another name: identification agrees for nearly all (short lines, 30 candidates)."""
    texts = {code: " ".join(task.template(code).instruction for task in tasks.values()) for code in THIRTY}
    assert sum(detect(text, THIRTY).language == code for code, text in texts.items()) >= 26
