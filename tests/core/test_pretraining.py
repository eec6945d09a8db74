"""Episodes, the encoder's loss, and a decoder that goes on where it stopped. All at toy size."""

import copy
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from toys import LANGUAGES, SENTENCES

from core.config import read_config
from core.encoder import SentenceEncoder
from core.models import ASSETS
from core.pretraining.config import EncoderConfig, PretrainConfig
from core.pretraining.decoder import DecoderTrainer, SentenceBank, TeacherTable, build_decoder, teacher_table
from core.pretraining.encoder import Bags, bag, imitation_loss, save_encoder, train_encoder
from core.pretraining.episodes import ANSWER, OTHER, Block, Material, Row, RowSampler, Sentence
from core.pretraining.tokenizer import END, START, save_tokenizer, train_tokenizer
from core.tasks import Task

WORDS = ["pebble", "lantern", "thistle", "harbour", "velvet", "cinder", "mango"]


def sentence(number: int, code: str) -> Sentence:
    label, *texts = SENTENCES[number]
    return Sentence(f"item-{number}", code, texts[LANGUAGES.index(code)], texts[0], label)


@pytest.fixture(scope="module")
def tokens() -> Tokenizer:
    """A trained tokenizer, so that answers are cut into tokens as in earnest."""
    rows = [(code, sentence(number, code).text) for number in range(len(SENTENCES)) for code in LANGUAGES] * 3
    words = [path.read_text(encoding="utf-8") for path in sorted((ASSETS / "verbalisers").glob("*.toml"))]
    return train_tokenizer(pd.DataFrame(rows, columns=["language", "text"]), words, 600, 10_000)


@pytest.fixture(scope="module")
def material(tasks: dict[str, Task]) -> Material:
    items = range(len(SENTENCES))
    said = [[sentence(number, code) for code in LANGUAGES] for number in items]
    feelings = ["positive", "negative", "neutral"]
    return Material(
        tasks=tasks,
        topics={f"item-{number}": said[number] for number in items},
        sentiments={code: [replace(sentence(n, code), label=feelings[n % 3]) for n in items] for code in LANGUAGES},
        parallel=said,
        documents={code: [" " + " ".join(sentence(n, code).text for n in items)] for code in LANGUAGES},
        neighbours={f"item-{n}": [f"item-{m}" for m in items if m != n] for n in items},
        words=WORDS,
    )


@pytest.fixture(scope="module")
def sampler(material: Material, tokens: Tokenizer) -> RowSampler:
    return RowSampler(material, tokens, 300, tokens.token_to_id(START), tokens.token_to_id(END))


def runs(row: Row, weight: float, tokens: Tokenizer) -> list[str]:
    """Texts of the stretches of an episode that carry one weight, without the start and the end token."""
    found: list[list[int]] = []
    inside = False
    for token, value in zip(row.ids[1:-1], row.weights[1:-1], strict=True):
        if value == weight:
            if not inside:
                found.append([])
            found[-1].append(token)
        inside = value == weight
    return [tokens.decode(ids).strip() for ids in found]


@pytest.mark.parametrize("name", ["topic", "sentiment", "translation"])
def test_answer_tokens_decode_to_the_answers_in_every_language(
    name: str, tasks: dict[str, Task], sampler: RowSampler, tokens: Tokenizer
) -> None:
    task = tasks[name]
    for code in task.languages:
        answers = list(task.verbaliser(code).words.values()) if task.is_closed else ["Une phrase.", "جملة.", "一句话。"]
        blocks = [Block(sentence(n, LANGUAGES[n % 3]), answer, learnt=n != 1) for n, answer in enumerate(answers)]
        row = sampler._episode(task, code, blocks)
        assert len(row.ids) == len(row.weights)
        assert runs(row, ANSWER, tokens) == [answer for n, answer in enumerate(answers) if n != 1], code
        assert runs(row, 0.0, tokens) == [answers[1]], code
        assert (row.weights[0], row.weights[-1]) == (0.0, ANSWER)  # the start is given, the end is learnt
        assert set(row.weights[1:-1]) == {ANSWER, 0.0, OTHER}


def test_an_episode_reads_like_the_prompt_of_the_product(
    tasks: dict[str, Task], sampler: RowSampler, tokens: Tokenizer
) -> None:
    blocks = [Block(sentence(3, "fra_Latn"), "sports"), Block(sentence(4, "swh_Latn"), "health")]
    row = sampler._episode(tasks["topic"], "eng_Latn", blocks)
    assert tokens.decode(row.ids) == (
        "Name the topic of the last sentence.\n\n"
        "Sentence: Elle a gagné la longue course.\nTopic: sports\n\n"
        "Sentence: Muuguzi anatibu homa.\nTopic: health"
    )
    assert tokens.decode(row.ids, skip_special_tokens=False).startswith(START)
    assert row.ids[-1] == tokens.token_to_id(END)


@pytest.mark.parametrize("code", ["eng_Latn", "zho_Hans", "arb_Arab"])
def test_summaries_stand_just_before_their_answers(
    code: str, tasks: dict[str, Task], sampler: RowSampler, tokens: Tokenizer
) -> None:
    task = tasks["topic"]
    blocks = [
        Block(sentence(n, "fra_Latn"), task.verbaliser(code).words[sentence(n, "fra_Latn").label]) for n in range(3)
    ]
    row = sampler._episode(task, code, blocks)
    assert [english for _, english in row.summaries] == [block.sentence.english for block in blocks]
    for (place, _), block in zip(row.summaries, blocks, strict=True):
        before = tokens.decode(row.ids[: place + 1])
        assert before.endswith(task.template(code).open_block(block.sentence.text, "fra_Latn"))
        assert row.weights[place + 1] == ANSWER
        assert row.weights[place] == OTHER


@pytest.mark.parametrize("seed", range(8))
def test_under_arbitrary_words_only_labels_seen_before_are_learnt(
    seed: int, tasks: dict[str, Task], sampler: RowSampler, tokens: Tokenizer
) -> None:
    rng = random.Random(seed)
    shown = [sentence(rng.randrange(10), rng.choice(LANGUAGES)) for _ in range(6)]
    row = sampler._labelled(rng, tasks["topic"], "eng_Latn", shown, arbitrary=True)
    labels = [entry.label for entry in shown]
    expected = [label in labels[:place] for place, label in enumerate(labels)]
    learnt, unlearnt = runs(row, ANSWER, tokens), runs(row, 0.0, tokens)
    assert len(learnt) == sum(expected)
    assert len(unlearnt) == len(expected) - sum(expected)
    # One word per label, whatever it is: the first showing tells which.
    word = dict(zip([label for label, known in zip(labels, expected, strict=True) if not known], unlearnt, strict=True))
    assert learnt == [word[label] for label, known in zip(labels, expected, strict=True) if known]
    assert len(set(word.values())) == len(word)
    assert set(word.values()) <= set(WORDS) | set(tasks["topic"].verbaliser("eng_Latn").words.values())


def test_with_the_tasks_own_words_every_answer_is_learnt(
    tasks: dict[str, Task], sampler: RowSampler, tokens: Tokenizer
) -> None:
    shown = [sentence(n, "fra_Latn") for n in range(4)]
    row = sampler._labelled(random.Random(0), tasks["topic"], "eng_Latn", shown, arbitrary=False)
    assert runs(row, ANSWER, tokens) == ["technology", "travel", "politics", "sports"]
    assert runs(row, 0.0, tokens) == []


@pytest.mark.parametrize("seed", range(8))
def test_copy_episodes_ask_only_for_what_they_have_shown(seed: int, sampler: RowSampler, tokens: Tokenizer) -> None:
    row = sampler._copy(random.Random(seed))
    learnt = runs(row, ANSWER, tokens)
    assert learnt
    assert set(learnt) <= set(runs(row, 0.0, tokens))


@pytest.mark.parametrize("seed", range(8))
def test_topic_episodes_are_cross_lingual_and_never_show_the_querys_item(
    seed: int, sampler: RowSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[Sentence]] = []
    real = sampler._labelled
    monkeypatch.setattr(
        sampler,
        "_labelled",
        lambda rng, task, code, shown, odd: (seen.append(shown), real(rng, task, code, shown, odd))[1],
    )
    sampler._topic(random.Random(seed))
    *shown, query = seen[0]
    assert query.language not in {entry.language for entry in shown}
    assert query.group not in {entry.group for entry in shown}
    assert len({entry.group for entry in shown}) == len(shown)


@pytest.mark.parametrize("kind", ["text", "copy", "topic", "sentiment", "translation"])
def test_rows_are_filled_to_their_length_and_depend_on_the_random_source_alone(kind: str, sampler: RowSampler) -> None:
    for seed in range(4):
        row = sampler.row(random.Random(seed), {kind: 1.0})
        assert row == sampler.row(random.Random(seed), {kind: 1.0})
        assert len(row.ids) == len(row.weights)
        assert sampler.length - 24 <= len(row.ids) <= sampler.length
        assert all(0 < place < sampler.length for place, _ in row.summaries)
        assert {"text": False}.get(kind, True) == bool(row.summaries)


# The tokenizer -------------------------------------------------------------------------------------------------------


@given(st.text(max_size=40))
def test_every_text_survives_the_tokenizer(text: str) -> None:
    import unicodedata

    tokenizer = _trained()
    normal = unicodedata.normalize("NFC", text)
    assert tokenizer.decode(tokenizer.encode(normal, add_special_tokens=False).ids, skip_special_tokens=False) == normal


_TRAINED: list[Tokenizer] = []


def _trained() -> Tokenizer:
    """For hypothesis, which takes no fixtures of a module."""
    if not _TRAINED:
        rows = [(code, sentence(number, code).text) for number in range(10) for code in LANGUAGES] * 3
        _TRAINED.append(train_tokenizer(pd.DataFrame(rows, columns=["language", "text"]), [], 300, 10_000))
    return _TRAINED[0]


def test_words_keep_their_vowel_signs_and_numbers_are_cut_in_threes(tokens: Tokenizer) -> None:
    pieces = [piece for piece, _ in tokens.pre_tokenizer.pre_tokenize_str("नमस्ते दुनिया 12345\n\nok")]
    assert len(pieces) == 7  # two words with their marks, "123" with its space, "45", two line breaks, "ok"
    assert tokens.get_vocab_size() == 600
    assert (tokens.token_to_id(START), tokens.token_to_id(END)) == (0, 1)


def test_a_saved_tokenizer_loads_as_an_ordinary_one(tokens: Tokenizer, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    save_tokenizer(tokens, tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded("A river", add_special_tokens=False).input_ids == tokens.encode("A river").ids
    assert (loaded.bos_token, loaded.eos_token, loaded.pad_token) == (START, END, END)


# The encoder ---------------------------------------------------------------------------------------------------------


def test_imitation_loss_worked_example() -> None:
    """Vectors (3, 4) and (0, 2), targets (1, 0) and (0, 1), temperature 0.5.

    Cosines over the temperature are (1.2, 1.6) and (0, 2), so the losses are log(1 + e^0.4) and log(1 + e^-2).
    """
    vectors = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    loss = imitation_loss(vectors, torch.eye(2), torch.tensor([0, 1]), 0.5)
    assert float(loss) == pytest.approx((math.log1p(math.exp(0.4)) + math.log1p(math.exp(-2))) / 2)


def test_rows_with_the_same_target_are_no_negatives() -> None:
    vectors = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert float(imitation_loss(vectors, targets, torch.tensor([5, 5]), 0.5)) == pytest.approx(0.0, abs=1e-6)


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=5), min_size=1, max_size=8), st.data())
def test_a_batch_of_bags_equals_direct_slicing(rows: list[list[int]], data: st.DataObject) -> None:
    starts = np.cumsum([0, *map(len, rows)])
    bags = Bags(torch.tensor([token for row in rows for token in row]), torch.tensor(starts))
    asked = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=6))
    tokens, offsets = bags.batch(torch.tensor(asked))
    assert tokens.tolist() == [token for place in asked for token in rows[place]]
    assert offsets.tolist() == np.cumsum([0, *(len(rows[place]) for place in asked[:-1])]).tolist()


def test_an_empty_text_has_a_bag(tokens: Tokenizer) -> None:
    assert len(bag(tokens, ["", "a"]).starts) == 3
    assert int(bag(tokens, [""]).starts[1]) >= 1


ENCODER = EncoderConfig(
    dimensions=8,
    teacher="none",
    batch=10,
    epochs=12,
    learning_rate=0.05,
    temperature=0.1,
    word_dropout=0.1,
    bpe_dropout=0.1,
    seed=3,
)


@pytest.fixture(scope="module")
def teacher() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    vectors = {entry[1]: rng.normal(size=8) for entry in SENTENCES}
    return {english: vector / np.linalg.norm(vector) for english, vector in vectors.items()}


@pytest.fixture(scope="module")
def table(tokens: Tokenizer, teacher: dict[str, np.ndarray]) -> torch.Tensor:
    return train_encoder(tokens, parallel(), teacher, ENCODER, lambda line: None)


def parallel() -> pd.DataFrame:
    rows = [(sentence(n, code).text, SENTENCES[n][1]) for n in range(10) for code in LANGUAGES]
    return pd.DataFrame(rows, columns=["text", "english"])


def means(tokens: Tokenizer, table: torch.Tensor, texts: list[str]) -> torch.Tensor:
    rows = [table[tokens.encode(" " + text).ids].mean(0) for text in texts]
    return torch.nn.functional.normalize(torch.stack(rows), dim=1)


def test_a_trained_encoder_finds_the_english_side_in_every_language(
    tokens: Tokenizer, table: torch.Tensor, teacher: dict[str, np.ndarray]
) -> None:
    assert table.shape == (600, 8)
    text = parallel()
    vectors = means(tokens, table, text["text"].tolist())
    english = list(teacher)
    cosines = vectors @ torch.tensor(np.stack(list(teacher.values())), dtype=torch.float32).T
    found = [english[place] for place in cosines.argmax(1).tolist()]
    # 30 sentences, ten meanings: chance finds three.
    assert sum(a == b for a, b in zip(found, text["english"], strict=True)) >= 27


def test_training_the_encoder_repeats_exactly_and_leaves_the_tokenizer_as_it_was(
    tokens: Tokenizer, table: torch.Tensor, teacher: dict[str, np.ndarray]
) -> None:
    assert tokens.model.dropout is None
    steady = replace(ENCODER, bpe_dropout=0.0, epochs=2)  # the tokenizer's own dropout takes no seed
    first = train_encoder(tokens, parallel(), teacher, steady, lambda line: None)
    assert torch.equal(first, train_encoder(tokens, parallel(), teacher, steady, lambda line: None))


@pytest.mark.slow
def test_a_saved_encoder_gives_normalised_means_of_its_table(
    tokens: Tokenizer, table: torch.Tensor, tmp_path: Path
) -> None:
    save_encoder(tokens, table, tmp_path / "encoder")
    texts = ["A robot repairs the pipe.", "Treni yetu"]
    got = SentenceEncoder(str(tmp_path / "encoder")).vectors(texts)
    assert got == pytest.approx(means(tokens, table.half().float(), texts).numpy(), abs=2e-3)  # half precision


# The decoder ---------------------------------------------------------------------------------------------------------

# The bundled settings at toy size, whatever else they hold.
DECODER = replace(
    read_config(ASSETS / "configs" / "pretrain_cpu.toml", PretrainConfig).decoder,
    layers=2,
    heads=2,
    feed_forward=16,
    context=128,
    steps=5,
    rows=2,
    row_tokens=64,
    sentences=6,
    learning_rate=0.01,
    warm_up=2,
    shares_first={"text": 0.5, "topic": 0.5},
    shares_then={"copy": 0.5, "sentiment": 0.5},
    first_part=0.4,
    threads=1,
)


@pytest.fixture
def trainer(
    tokens: Tokenizer, material: Material, table: torch.Tensor, teacher: dict[str, np.ndarray], tmp_path: Path
) -> Iterator[DecoderTrainer]:
    threads = torch.get_num_threads()
    yield make_trainer(tokens, material, table, teacher, tmp_path / "a")
    torch.set_num_threads(threads)


def make_trainer(
    tokens: Tokenizer, material: Material, table: torch.Tensor, teacher: dict[str, np.ndarray], folder: Path
) -> DecoderTrainer:
    folder.mkdir(exist_ok=True)
    sampler = RowSampler(material, tokens, DECODER.row_tokens, 0, 1)
    sentences = [entry for meaning in material.parallel for entry in meaning]
    bank = SentenceBank.of(sentences, lambda texts: [e.ids for e in tokens.encode_batch(texts)], 40)
    model = build_decoder(table, DECODER, 0, 1)
    return DecoderTrainer(model, sampler, bank, teacher_table(teacher), DECODER, folder)


def test_a_new_decoder_starts_from_the_encoders_vectors(trainer: DecoderTrainer, table: torch.Tensor) -> None:
    weight = trainer.model.get_input_embeddings().weight.detach()
    scale = float(weight.norm() / table.norm())  # one for all
    assert scale > 0
    assert torch.allclose(weight, scale * table, rtol=1e-4)
    assert trainer.model.lm_head.weight is trainer.model.get_input_embeddings().weight  # tied


def test_steps_stay_finite_and_move_every_weight(trainer: DecoderTrainer) -> None:
    before = copy.deepcopy(trainer.model.state_dict())
    for step in range(DECODER.steps):
        figures = trainer.step(step)
        assert all(math.isfinite(value) for value in figures.values()), figures
    after = trainer.model.state_dict()
    assert all(torch.isfinite(value).all() for value in after.values())
    assert not [name for name, value in after.items() if torch.equal(value, before[name])]


def test_running_text_never_counts_as_answers(trainer: DecoderTrainer, sampler: RowSampler) -> None:
    """A row of several documents was once taken for an episode, because each begins with a weight of 0."""
    rng = random.Random(0)
    text = sampler.row(rng, {"text": 1.0})
    assert text.weights.count(0.0) > 1
    episode = sampler.row(rng, {"sentiment": 1.0})
    with torch.no_grad():
        assert float(trainer._row_losses([text], rng)["answers"]) == 0.0
        assert float(trainer._row_losses([episode], rng)["answers"]) > 0.0


def test_a_run_that_was_stopped_ends_bit_for_bit_like_one_that_was_not(
    trainer: DecoderTrainer,
    tokens: Tokenizer,
    material: Material,
    table: torch.Tensor,
    teacher: dict[str, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainer.run(lambda line: None, save_every=2)
    folder = tmp_path / "b"
    stopped = make_trainer(tokens, material, table, teacher, folder)
    real = stopped.step

    def killed(step: int) -> dict[str, float]:
        if step == 3:  # after the checkpoint of step 2, so that one step is lost and done again
            raise KeyboardInterrupt
        return real(step)

    monkeypatch.setattr(stopped, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        stopped.run(lambda line: None, save_every=2)
    torch.manual_seed(99)  # draws may depend on (seed, step) alone
    resumed = make_trainer(tokens, material, table, teacher, folder)
    with torch.no_grad():
        resumed.model.lm_head.weight.add_(1.0)  # the checkpoint must replace whatever is there
    resumed.run(lambda line: None, save_every=2)
    whole, again = trainer.model.state_dict(), resumed.model.state_dict()
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    states = [t.optimiser.state_dict()["state"] for t in (trainer, resumed)]
    assert all(torch.equal(states[0][k]["exp_avg_sq"], states[1][k]["exp_avg_sq"]) for k in states[0])


def test_a_finished_run_trains_no_further(trainer: DecoderTrainer, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer.run(lambda line: None)
    monkeypatch.setattr(trainer, "step", lambda step: pytest.fail("trained on"))
    trainer.run(lambda line: None)


def test_lower_half_gives_the_states_after_the_middle_layer(trainer: DecoderTrainer) -> None:
    for step in range(2):  # fresh layers may add nothing yet
        trainer.step(step)
    ids = torch.tensor([[0, 300, 301, 302]])
    with torch.no_grad():
        expected = trainer.model.model(ids, output_hidden_states=True).hidden_states[1]
        assert torch.allclose(trainer._lower_half(ids), expected, atol=1e-6)
        assert not torch.allclose(expected, trainer.model.get_input_embeddings()(ids), atol=1e-4)
        again = trainer.model.model(ids, output_hidden_states=True)
    assert torch.equal(again.hidden_states[1], expected)  # the layers above are back in their place
    assert len(trainer.model.model.layers) == 2


def test_the_rate_warms_up_and_falls_to_a_twentieth(trainer: DecoderTrainer) -> None:
    # Warm-up over 2 steps: 1/2, 1. Then a cosine from 1 to 0.05 over 3 steps: at 1/3 of it 0.05 + 0.95 * (1 + 1/2) / 2.
    rates = [trainer._rate(step) for step in range(6)]
    assert rates == pytest.approx([0.5, 1.0, 1.0, 0.05 + 0.95 * 0.75, 0.05 + 0.95 * 0.25, 0.05])


def test_the_bank_leaves_out_long_sentences_and_draws_from_one_length_bucket(tokens: Tokenizer) -> None:
    sentences = [Sentence(str(n), "eng_Latn", "a " * n, f"english {n}") for n in range(1, 13)]
    bank = SentenceBank.of(sentences, lambda texts: [list(range(text.count("a"))) for text in texts], 9)
    assert bank.english == [f"english {n}" for n in range(1, 10)]
    for seed in range(6):
        lengths = {len(bank.ids[place]) for place in bank.draw(random.Random(seed), 20)}
        assert any(lengths <= bucket for bucket in ({1, 2, 3}, {4, 5, 6}, {7, 8, 9}))


def test_teacher_table_keeps_vectors_with_their_sentences(teacher: dict[str, np.ndarray]) -> None:
    found: TeacherTable = teacher_table(teacher)
    for english, vector in teacher.items():
        assert found.vectors[found.row[english]].tolist() == pytest.approx(vector.tolist(), abs=1e-6)
