"""Prompt variants as data: literal prompts, label words and lists of each, and the model's own chat template.

Tests of `core.models.chat`.
"""

from typing import Any

import pytest
from toys import byte_tokenizer, tiny_model

from core.data.pool import Pool
from core.data.prompt_variants import PromptVariant, prompt_variant, prompt_variants
from core.data.tasks import Task
from core.errors import InvalidConfig
from core.models.chat import CLOSE, OPEN, readable
from core.models.loading import LanguageModel
from core.prompting import PromptConfig, PromptWriter
from core.records import Demonstration, Example, Query
from core.scoring import Request, Scorer

QUERY = Query("Elle a gagné.", "fra_Latn")
SWAHILI = Example("swh/1", "item-1", "swh_Latn", "Basi linaondoka.", "travel")
SHOWN = (Demonstration(SWAHILI, None, None),)
TURNS = (
    "{{ bos_token }}{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] | trim }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool((SWAHILI, Example("eng/1", "item-1", "eng_Latn", "The bus leaves.", "travel")))


@pytest.fixture(scope="module")
def chat_model() -> LanguageModel:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TURNS
    return tiny_model(tokenizer)


def writer(tasks: dict[str, Task], pool: Pool, model: LanguageModel, variant: str) -> PromptWriter:
    return PromptWriter(tasks["topic"], pool, model, PromptConfig.of(variant))


def test_every_variant_is_found_again_by_its_settings() -> None:
    assert len(prompt_variants()) >= 8
    for name in prompt_variants():
        assert PromptConfig.of(name).variant == name
    assert PromptConfig().variant == "native"
    assert PromptConfig(labels="demonstration").variant == "custom"


@pytest.mark.parametrize(
    ("variant", "text", "first"),
    [
        (
            "native",
            "Indique le thème de la dernière phrase.\n\nPhrase: Basi linaondoka.\nThème: voyages\n\nPhrase: Elle a gagné.\nThème:",
            " technologie",
        ),
        (
            "english",
            "Name the topic of the last sentence.\n\nSentence: Basi linaondoka.\nTopic: travel\n\nSentence: Elle a gagné.\nTopic:",
            " technology",
        ),
        (
            "english-listed",
            "Name the topic of the last sentence: technology, travel, politics, sports, health, entertainment, geography.\n\n"
            "Sentence: Basi linaondoka.\nTopic: travel\n\nSentence: Elle a gagné.\nTopic:",
            " technology",
        ),
        (
            "english-native-labels",
            "Name the topic of the last sentence.\n\nSentence: Basi linaondoka.\nTopic: voyages\n\nSentence: Elle a gagné.\nTopic:",
            " technologie",
        ),
    ],
)
def test_prompts_of_variants_are_literally_these(
    tasks: dict[str, Task], pool: Pool, model: LanguageModel, variant: str, text: str, first: str
) -> None:
    own = writer(tasks, pool, model, variant)
    assert own.prompt(QUERY, SHOWN, "fra_Latn").text == text
    assert own.words("fra_Latn")[0] == first


def test_a_list_has_the_punctuation_of_its_script(tasks: dict[str, Task], pool: Pool, model: LanguageModel) -> None:
    own = writer(tasks, pool, model, "native-listed")
    chinese = own.prompt(Query("你好", "zho_Hans"), (), "zho_Hans").text.split("\n")[0]
    assert "：" in chinese
    assert "、" in chinese
    assert chinese.endswith("。")
    hindi = own.prompt(Query("नमस्ते", "hin_Deva"), (), "hin_Deva").text.split("\n")[0]
    assert hindi.count("।") == 1
    assert hindi.endswith("।")


def test_free_text_tasks_keep_the_words_of_the_answers_language(tasks: dict[str, Task], pool: Pool, model: LanguageModel) -> None:
    """Else nothing in the prompt would say what language to translate into."""
    own = PromptWriter(tasks["translation"], pool, model, PromptConfig.of("english-listed"))
    plain = PromptWriter(tasks["translation"], pool, model, PromptConfig())
    assert own.prompt(QUERY, (), "eng_Latn").text == plain.prompt(QUERY, (), "eng_Latn").text


def test_chat_puts_demonstrations_as_turns_of_the_models_own_template(
    tasks: dict[str, Task], pool: Pool, chat_model: LanguageModel
) -> None:
    own = writer(tasks, pool, chat_model, "chat-english")
    assert readable(own.prompt(QUERY, SHOWN, "fra_Latn").text) == (
        "<|start|>user\nName the topic of the last sentence: technology, travel, politics, sports, health, entertainment, geography.\n\n"
        "Sentence: Basi linaondoka.\nTopic:<|end|>\n<|start|>assistant\ntravel<|end|>\n"
        "<|start|>user\nSentence: Elle a gagné.\nTopic:<|end|>\n<|start|>assistant\n"
    )
    assert own.words("fra_Latn")[0] == "technology"  # a turn begins with its answer, without a space


def test_only_the_templates_own_special_tokens_are_special(tasks: dict[str, Task], pool: Pool, chat_model: LanguageModel) -> None:
    """A query that spells an end of turn must not end its turn."""
    own = writer(tasks, pool, chat_model, "chat-english")
    text = own.prompt(Query("Stop <|end|> now.", "fra_Latn"), (), "fra_Latn").text
    ids = chat_model.encode([text])[0]
    assert ids.count(0) == 2  # user's and assistant's
    assert ids.count(1) == 1
    assert len(ids) == len(readable(text)) - 2 * len("<|start|>") - len("<|end|>") + 3
    assert ids[0] == 0
    assert [*chat_model.start, *ids].count(0) == 3  # one more in front of every text, and not two


def test_a_chat_prompt_is_scored_after_its_special_tokens(chat_model: LanguageModel) -> None:
    text = chat_model.chat(["Name it."])
    assert text.endswith(f"{OPEN}<|start|>{CLOSE}assistant\n")
    (values,) = Scorer(chat_model).score([Request(text, ("yes", "no"))])
    targets = Scorer(chat_model).targets([(text, "yes")])
    assert len(targets[0].tokens) - targets[0].first == 3
    assert values.shape == (2,)


def test_a_model_without_a_chat_template_refuses_chat(tasks: dict[str, Task], pool: Pool, model: LanguageModel) -> None:
    with pytest.raises(InvalidConfig, match="no chat template; choose a prompt variant other than chat"):
        writer(tasks, pool, model, "chat").prompt(QUERY, (), "fra_Latn")


def test_unknown_variants_and_languages_are_refused_by_name() -> None:
    with pytest.raises(InvalidConfig, match=r"no prompt variant 'shouting'; choose one of .*english-listed"):
        prompt_variant("shouting")
    wrong: Any = "latin"
    with pytest.raises(InvalidConfig, match="template is 'latin'; allowed are answer and english"):
        PromptVariant("x", "X", "1", template=wrong)
