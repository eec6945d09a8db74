"""Episodes as rows of tokens: what is written, what counts, where answers stand, what is dropped and how rows are packed."""

from itertools import accumulate

import pytest
from pretraining_toys import alone, answers, sentence, stretches
from tokenizers import Tokenizer
from toys import LANGUAGES

from core.data.tasks import Task
from core.embedded.rows import ANSWER, OTHER, TEXT, Block, EpisodeWriter, Row, Sentence, pack
from core.embedded.tokenizer import END, START

LONG = 10_000  # more tokens than any episode here has


def topic_blocks(task: Task, code: str, *numbers: int) -> list[Block]:
    """French sentences with their topics in the words of ``code``; labels shown before are learnt."""
    blocks: list[Block] = []
    for number in numbers:
        shown = sentence(number, "fra_Latn")
        word = task.verbaliser(code).words[shown.label]
        blocks.append(Block(shown, word, word in [block.answer for block in blocks]))
    return blocks


def written(writer: EpisodeWriter, task: Task, code: str, blocks: list[Block], longest: int = LONG) -> Row:
    row = writer.episode(task, code, blocks, longest)
    assert row is not None
    assert len(row.ids) == len(row.weights) == sum(row.lengths)
    return row


@pytest.mark.parametrize("name", ["topic", "sentiment", "translation"])
def test_answer_tokens_decode_to_the_answers_in_every_language(
    name: str, tasks: dict[str, Task], writer: EpisodeWriter
) -> None:
    task = tasks[name]
    for code in task.languages:
        words = list(task.verbaliser(code).words.values()) if task.is_closed else ["Une phrase.", "جملة.", "一句话。"]
        blocks = [Block(sentence(n, LANGUAGES[n % 3]), answer, learnt=n != 1) for n, answer in enumerate(words)]
        row = written(writer, task, code, blocks)
        assert answers(row) == [(answer, n != 1) for n, answer in enumerate(words)], code
        assert stretches(row, lambda weight: weight == ANSWER) == [a for n, a in enumerate(words) if n != 1], code
        assert (row.weights[0], row.weights[-1]) == (0.0, ANSWER)  # the start is given, the end is learnt
        assert set(row.weights[1:-1]) == {ANSWER, OTHER, 0.0}


def test_the_end_is_learnt_with_the_last_answer_alone(tasks: dict[str, Task], writer: EpisodeWriter) -> None:
    blocks = [Block(sentence(3, "fra_Latn"), "sports"), Block(sentence(4, "fra_Latn"), "health", learnt=False)]
    assert written(writer, tasks["topic"], "eng_Latn", blocks).weights[-1] == 0.0


def test_an_episode_reads_like_the_prompt_of_the_product(
    tasks: dict[str, Task], writer: EpisodeWriter, tokens: Tokenizer
) -> None:
    blocks = [Block(sentence(3, "fra_Latn"), "sports"), Block(sentence(4, "swh_Latn"), "health")]
    row = written(writer, tasks["topic"], "eng_Latn", blocks)
    assert tokens.decode(row.ids) == (
        "Name the topic of the last sentence.\n\n"
        "Sentence: Elle a gagné la longue course.\nTopic: sports\n\n"
        "Sentence: Muuguzi anatibu homa.\nTopic: health"
    )
    assert tokens.decode(row.ids, skip_special_tokens=False).startswith(START)
    assert row.ids[-1] == tokens.token_to_id(END)


@pytest.mark.parametrize("name", ["topic", "sentiment", "translation"])
def test_an_episode_has_the_tokens_of_the_whole_prompt_in_every_language(
    name: str, tasks: dict[str, Task], writer: EpisodeWriter, tokens: Tokenizer
) -> None:
    """Blocks are tokenised one by one; the product tokenises a prompt as a whole."""
    task = tasks[name]
    for code in task.languages:
        words = list(task.verbaliser(code).words.values()) if task.is_closed else ["Une phrase.", "جملة.", "一句话。"]
        blocks = [Block(sentence(n, LANGUAGES[n % 3]), answer) for n, answer in enumerate(words)]
        template = task.template(code)
        filled = [template.block(block.sentence.text, block.answer, block.sentence.language) for block in blocks]
        prompt = "\n\n".join([template.instruction, *filled])
        assert written(writer, task, code, blocks).ids == [0, *tokens.encode(prompt).ids, 1], code


@pytest.mark.parametrize("code", ["eng_Latn", "zho_Hans", "arb_Arab"])
def test_summaries_stand_just_before_their_answers(
    code: str, tasks: dict[str, Task], writer: EpisodeWriter, tokens: Tokenizer
) -> None:
    task = tasks["topic"]
    blocks = topic_blocks(task, code, 3, 7, 3)
    row = written(writer, task, code, blocks)
    assert [english for _, english in row.summaries] == [block.sentence.english for block in blocks]
    for (place, _), block in zip(row.summaries, blocks, strict=True):
        before = tokens.decode(row.ids[: place + 1])
        assert before.endswith(task.template(code).open_block(block.sentence.text, "fra_Latn"))
        assert row.weights[place + 1] == (ANSWER if block.learnt else 0.0)
        assert row.weights[place] == OTHER


def test_a_sentence_without_an_english_side_has_no_summary(tasks: dict[str, Task], writer: EpisodeWriter) -> None:
    blocks = [Block(Sentence("x", "fra_Latn", "Une phrase.", ""), "sports"), Block(sentence(4, "swh_Latn"), "health")]
    row = written(writer, tasks["topic"], "eng_Latn", blocks)
    assert [english for _, english in row.summaries] == ["The nurse treats a fever."]


@pytest.mark.parametrize("code", ["eng_Latn", "zho_Hans", "arb_Arab", "tam_Taml"])
def test_pointers_lead_from_before_an_answer_to_every_place_it_was_shown_at(
    code: str, tasks: dict[str, Task], writer: EpisodeWriter
) -> None:
    # Topics: sports, health, sports, travel, sports, health. Each answer begins just after its summary.
    row = written(writer, tasks["topic"], code, topic_blocks(tasks["topic"], code, 3, 4, 7, 1, 3, 9))
    before = [place for place, _ in row.summaries]
    begins = [place + 1 for place in before]
    assert row.pointers == [
        (before[2], [begins[0]]),
        (before[4], [begins[0], begins[2]]),
        (before[5], [begins[1]]),
    ]
    for place, targets in row.pointers:
        assert {row.ids[target] for target in targets} == {row.ids[place + 1]}


def test_an_answer_that_is_not_learnt_has_no_pointer(tasks: dict[str, Task], writer: EpisodeWriter) -> None:
    shown = Block(sentence(3, "fra_Latn"), "sports", learnt=False)
    assert written(writer, tasks["topic"], "eng_Latn", [shown, shown]).pointers == []


def test_a_long_episode_loses_its_first_demonstrations_whole_and_keeps_its_last_block(
    tasks: dict[str, Task], writer: EpisodeWriter
) -> None:
    task = tasks["topic"]
    blocks = topic_blocks(task, "eng_Latn", 3, 4, 7, 1, 9)
    # An answer shown in a block that was dropped cannot be known any more, so every suffix is its own episode.
    suffixes = [
        written(writer, task, "eng_Latn", topic_blocks(task, "eng_Latn", *(3, 4, 7, 1, 9)[n:])) for n in range(5)
    ]
    sizes = [len(row.ids) for row in suffixes]
    assert sizes == sorted(sizes, reverse=True)
    for longest in range(sizes[-1], sizes[0] + 2):
        expected = next(row for row, size in zip(suffixes, sizes, strict=True) if size <= longest)
        assert writer.episode(task, "eng_Latn", blocks, longest) == expected
    assert writer.episode(task, "eng_Latn", blocks, sizes[-1] - 1) is None


def test_a_weight_of_its_own_goes_to_answers_and_end(tasks: dict[str, Task], writer: EpisodeWriter) -> None:
    blocks = [Block(sentence(3, "fra_Latn"), "She won the long race.")]
    row = writer.episode(tasks["translation"], "eng_Latn", blocks, LONG, TEXT)
    assert row is not None
    assert stretches(row, lambda weight: weight == TEXT) == ["She won the long race."]
    assert row.weights[-1] == TEXT


def test_running_text_is_learnt_but_for_its_start_and_cut_at_its_length(
    writer: EpisodeWriter, tokens: Tokenizer
) -> None:
    ids = tokens.encode("The river crosses a desert.").ids
    whole = writer.running("The river crosses a desert.", LONG)
    assert whole == Row([0, *ids, 1], [0.0] + [TEXT] * (len(ids) + 1), lengths=(len(ids) + 2,))
    assert writer.running("The river crosses a desert.", 4) == Row([0, *ids[:3]], [0.0] + [TEXT] * 3, lengths=(4,))


# Packing -------------------------------------------------------------------------------------------------------------


def test_packing_shifts_summaries_and_pointers() -> None:
    parts = iter(
        [
            Row([0, 5, 6, 5, 1], [0.0, 0, 0, 1, 1], [(0, "a"), (2, "b")], [(2, [1])], (5,)),
            Row([0, 7, 8, 1], [0.0, 1, 0.5, 1], [(1, "c")], [(2, [1, 2])], (4,)),
        ]
    )
    assert pack(lambda room: next(parts, None), 12) == Row(
        [0, 5, 6, 5, 1, 0, 7, 8, 1],
        [0.0, 0, 0, 1, 1, 0.0, 1, 0.5, 1],
        [(0, "a"), (2, "b"), (6, "c")],
        [(2, [1]), (7, [6, 7])],
        (5, 4),
    )


def test_packing_offers_the_room_that_is_left_and_gives_up_after_three_misses() -> None:
    rooms = []

    def draw(room: int) -> Row | None:
        rooms.append(room)
        return Row([1] * 40, [0.0] * 40, lengths=(40,)) if room >= 40 else None

    assert pack(draw, 100).lengths == (40, 40)
    assert rooms == [100, 60, 20, 20, 20]


def test_packing_stops_when_a_sixteenth_is_left() -> None:
    rooms = []

    def draw(room: int) -> Row:
        rooms.append(room)
        return Row([1] * 30, [0.0] * 30, lengths=(30,))

    assert len(pack(draw, 32).ids) == 30  # 2 of 32 are left, and 2 is not more than 32 // 16
    assert rooms == [32]


def test_a_packed_row_holds_its_episodes_unchanged(tasks: dict[str, Task], writer: EpisodeWriter) -> None:
    parts = [
        written(writer, tasks["topic"], "fra_Latn", topic_blocks(tasks["topic"], "fra_Latn", 3, 7, 3)),
        writer.running("The river crosses a desert.", LONG),
        written(writer, tasks["topic"], "eng_Latn", topic_blocks(tasks["topic"], "eng_Latn", 1, 8)),
    ]
    left = iter(parts)
    row = pack(lambda room: next(left, None), LONG)
    assert alone(row) == parts
    assert row.lengths == tuple(len(part.ids) for part in parts)
    assert [row.ids[begin] for begin in accumulate((0, *row.lengths[:-1]))] == [0, 0, 0]  # the start token
