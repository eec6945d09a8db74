"""Runs in the background, with the toy model and pool: started, watched, stopped, gone on with, refused.

Tests of `app.train.runs`, `app.train.progress`.
"""

import json
import threading
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from toys import LetterEncoder, byte_tokenizer, tiny_llama_config, tiny_model, toy_examples

from app.texts import catalogue
from app.train.progress import Seconds
from app.train.runs import SHIPPED, read_run, run_folder, run_folders
from app.train.service import CHOICE as CHOICE_FILE
from app.train.service import SHORT as SHORT_FILE
from app.train.service import RunForm, TrainingService, embedded_loop
from app.train.view import render_run
from core.data.tasks import load_tasks
from core.errors import InvalidConfig, InvalidData
from core.models.loading import ASSETS
from core.models.trained_run import read_trained
from core.training.config import FitConfig
from core.training.run import prepare
from core.training.trainer import Loop
from core.workbench import bundled_examples

SHORT = """
languages = ["eng_Latn", "fra_Latn", "swh_Latn"]
[policy]
k = 2
contexts = 2
candidates = 8
[optim]
iterations = 2
queries = 2
rank = 2
warm_up = 1
[writing]
pairs = 0
[watch]
every = 1
queries = 4
fixed = 2
save_every = 2
"""


def toy_loop(config: FitConfig, folder: Path, languages: list[str], report: Callable[[str], None]) -> Loop:
    tokenizer = byte_tokenizer()
    model = tiny_model(tokenizer, tiny_llama_config(tokenizer, max_position_embeddings=2048))
    pool = [example for example in toy_examples() if example.language in languages]
    return prepare(config, model, LetterEncoder(), load_tasks(ASSETS)["topic"], pool, None, folder, report=report)


class Gate:
    """A maker of toy runs that waits for a sign after making one, so that a test can look in between."""

    def __init__(self) -> None:
        self.open, self.made = threading.Event(), threading.Event()

    def __call__(self, *given: object) -> Loop:
        loop = toy_loop(*given)  # type: ignore[arg-type]
        self.made.set()
        assert self.open.wait(60)
        return loop


@pytest.fixture
def short(tmp_path: Path) -> Path:
    path = tmp_path / "short.toml"
    path.write_text(SHORT)
    return path


@pytest.fixture
def desk(tmp_path: Path, short: Path) -> Iterator[TrainingService]:
    made = TrainingService(tmp_path / "runs", toy_loop, short, tmp_path / "nothing shipped", short)
    yield made
    made.stop()
    made.wait(60)


FORM = RunForm(iterations=2)


def test_a_run_ends_with_a_result_that_inference_can_take_up(desk: TrainingService) -> None:
    name = desk.start(FORM)
    desk.wait(120)
    assert name == "short-1"
    assert desk.progress is not None
    assert (desk.progress.going, desk.progress.error, desk.progress.done) == (False, "", 2)
    run = desk.read(name)
    assert run.state == "finished"
    assert [line["iteration"] for line in run.lines] == [0, 1, 2]
    assert run.entry is not None
    assert read_trained(desk.folder / name).manifest["after"] == run.entry["after"]
    assert desk.finished() == [name]
    assert desk.runs() == [(name, "finished")]


def test_the_form_becomes_the_settings(desk: TrainingService) -> None:
    form = RunForm("mine", "self", "policy", 0.5, 0.25, 7, 1, ("swh_Latn",))
    desk.start(form)
    desk.wait(120)
    config = desk.read("mine").config
    assert config is not None
    assert (config.mode, config.seed, config.languages, config.optim.iterations) == ("self", 7, ("swh_Latn",), 1)
    assert (config.reward.alpha, config.reward.beta, config.optim.trained) == (0.5, 0.25, "policy")
    assert config.answer_languages == 2  # agreement without labels wants a second language
    assert config.losses.align == 0  # it would need weights that do not learn here
    kept = json.loads((desk.folder / "mine" / "settings.json").read_text())
    assert kept["pool_languages"] == ["eng_Latn", "fra_Latn", "swh_Latn"]  # one language alone has no demonstrations


def test_a_second_start_says_who_is_running(tmp_path: Path, short: Path) -> None:
    gate = Gate()
    desk = TrainingService(tmp_path / "runs", gate, short, tmp_path / "none", short)
    desk.start(replace(FORM, name="first"))
    with pytest.raises(InvalidConfig, match="'first' goes on"):
        desk.start(FORM)
    with pytest.raises(InvalidConfig, match="'first' goes on"):
        desk.go_on("first")
    assert desk.runs()[0] == ("first", "running")
    gate.open.set()
    desk.wait(120)
    assert desk.start(replace(FORM, name="second")) == "second"
    desk.wait(120)


def test_a_stopped_run_is_saved_and_goes_on_to_the_same_end(tmp_path: Path, short: Path, desk: TrainingService) -> None:
    gate = Gate()
    stopped = TrainingService(tmp_path / "other", gate, short, tmp_path / "none", short)
    stopped.start(replace(FORM, name="one"))
    assert gate.made.wait(60)
    assert stopped.stop()
    assert stopped.stopping
    gate.open.set()
    stopped.wait(120)
    assert stopped.read("one").state == "unfinished"
    assert [line["iteration"] for line in stopped.read("one").lines] == [0]
    assert stopped.finished() == []
    stages: list[str] = []
    at = stopped._at
    stopped._at = lambda stage, *rest: (stages.append(stage), at(stage, *rest))  # type: ignore[method-assign,assignment]
    stopped.go_on("one")
    stopped.wait(120)
    assert "train.step_continue" in stages and "train.step_first" not in stages  # the start is not measured again
    resumed = stopped.read("one")
    assert resumed.state == "finished"
    desk.start(replace(FORM, name="whole"))
    desk.wait(120)
    whole = desk.read("whole")
    assert [line.get("reward") for line in resumed.lines] == [line.get("reward") for line in whole.lines]
    with pytest.raises(InvalidConfig, match="is finished"):
        stopped.go_on("one")


def test_the_time_left_follows_the_last_iterations() -> None:
    """ "About two minutes" was five to six."""
    now = 0.0
    seconds = Seconds(clock=lambda: now, recent=2)
    seconds.begin()
    now = 30.0
    assert seconds.left(10, counts=False) is None  # the measurement before training says nothing of iterations
    now = 34.0
    assert seconds.left(9, counts=True) == 36.0
    now = 44.0
    assert seconds.left(8, counts=True) == 8 * (4 + 10) / 2
    now = 56.0
    assert seconds.left(7, counts=True) == 7 * (10 + 12) / 2  # the first is forgotten


def test_the_time_left_of_a_stage_follows_its_share() -> None:
    now = 10.0
    seconds = Seconds(clock=lambda: now)
    assert seconds.of_share(0.2) is None  # nothing is known of its pace yet
    now = 20.0
    assert seconds.of_share(0.4) == pytest.approx(30)  # 10 seconds a fifth, three are left


def test_a_choice_that_learns_alone_learns_from_a_bank(tmp_path: Path, short: Path) -> None:
    """The default of the form; its file is asked for the settings, and most of the work is told as scoring."""
    bank = tmp_path / "bank.toml"
    bank.write_text(
        SHORT.replace("[optim]", '[optim]\ntrained = "policy"')
        + "[losses]\nalign = 0.0\n[bank]\nqueries = 4\ncandidates = 2\nimputed = 8\n[choice]\nsteps = 4\n"
    )
    desk = TrainingService(tmp_path / "runs", toy_loop, short, tmp_path / "none", bank)
    seen: list[tuple[str, float]] = []
    at = desk._at
    desk._at = lambda stage, share, *rest: (seen.append((stage, share)), at(stage, share, *rest))  # type: ignore[method-assign,assignment]
    name = desk.start(RunForm(iterations=2))
    desk.wait(120)
    run = desk.read(name)
    assert run.state == "finished" and run.config is not None
    assert (run.config.optim.trained, run.config.bank.queries) == ("policy", 4)
    assert [stage for stage, _ in seen].count("train.step_score") >= 1
    shares = [share for _, share in seen]
    assert shares == sorted(shares) and shares[-1] == 1.0  # the bar never goes back
    head = render_run(run, load_tasks(ASSETS), catalogue("en")).head
    assert "β" not in head  # a bank holds log-probabilities, which no weight of diversity touches
    adapter = desk._config(RunForm(trained="lora", iterations=1))
    assert (adapter.bank.queries, adapter.optim.learning_rate) == (0, FitConfig().optim.learning_rate)


def test_stop_without_a_run_says_so(desk: TrainingService) -> None:
    assert not desk.stop()


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".", "a b", "ä", "x" * 41, "x\n", ":x"])
def test_names_that_are_not_plain_are_refused_everywhere(desk: TrainingService, name: str) -> None:
    if name:  # an empty name asks for the next free one
        with pytest.raises(InvalidConfig, match="cannot name a run"):
            desk.start(replace(FORM, name=name))
    with pytest.raises(InvalidConfig, match="cannot name a run"):
        desk.read(name)
    with pytest.raises(InvalidConfig, match="cannot name a run"):
        desk.go_on(name)
    assert not desk.folder.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"iterations": 0}, "1 to 200"),
        ({"iterations": 201}, "1 to 200"),
        ({"mode": "other"}, "mode"),
        ({"trained": "nothing"}, "optim.trained"),
        ({"alpha": 0.0, "beta": 0.0}, "one is above 0"),
    ],
)
def test_settings_out_of_range_start_nothing(desk: TrainingService, change: dict, words: str) -> None:
    with pytest.raises(InvalidConfig, match=words) as caught:
        desk.start(replace(FORM, **change))
    assert "\n" not in str(caught.value)
    assert desk.runs() == []


def test_a_name_is_used_once_and_free_names_count_on(desk: TrainingService) -> None:
    desk.start(replace(FORM, name="short-1", iterations=1))
    desk.wait(120)
    with pytest.raises(InvalidConfig, match="already"):
        desk.start(replace(FORM, name="short-1"))
    assert desk.start(replace(FORM, iterations=1)) == "short-2"
    desk.wait(120)


def test_what_goes_wrong_in_the_background_is_one_sentence(tmp_path: Path, short: Path) -> None:
    def refuses(*_: object) -> Loop:
        raise InvalidData("The pool is empty; add examples.")

    def breaks(*_: object) -> Loop:
        raise RuntimeError("no memory")

    for number, (make, words) in enumerate([(refuses, "The pool is empty"), (breaks, "RuntimeError: no memory")]):
        desk = TrainingService(tmp_path / str(number), make, short, tmp_path / "none", short)
        desk.start(FORM)
        desk.wait(60)
        assert desk.progress is not None
        assert not desk.progress.going
        assert words in desk.progress.error
        assert "\n" not in desk.progress.error
        assert desk.runs() == [("short-1", "unfinished")]


def test_a_retired_sentence_is_told_by_its_text(tmp_path: Path, short: Path) -> None:
    """A change of a bundled example holds its id alone."""
    folder = tmp_path / "runs" / "made"
    (folder / "checkpoints" / "step-000002").mkdir(parents=True)
    example = next(iter(bundled_examples("topic")))
    change = {"version": 1, "iteration": 2, "action": "retired", "example": example.id, "reason": "harmful", "text": ""}
    state = {"pool": {"changes": [change]}}
    (folder / "checkpoints" / "step-000002" / "state.json").write_text(json.dumps(state))
    (folder / "settings.json").write_text('{"config": {}, "pool_languages": []}')
    run = TrainingService(tmp_path / "runs", toy_loop, short).read("made")
    assert run.changes == (change | {"text": example.text},)


def shipped_run(folder: Path) -> Path:
    """A finished run as ``train.py publish`` leaves it: no settings, no sentences."""
    folder.mkdir(parents=True)
    (folder / "log.jsonl").write_text('{"iteration": 0}\n')
    (folder / "policy.safetensors").write_bytes(b"")
    (folder / "run.json").write_text('{"config": {"task": "topic"}, "fallback": "", "changes": []}')
    return folder


def test_runs_that_come_with_the_app_say_what_they_learnt_and_hold_no_sentence_of_a_corpus() -> None:
    names = [path.name for path in run_folders(SHIPPED)]
    assert names
    for name in names:
        run = read_run(name, SHIPPED / name, running=False)
        assert run.state == "finished" and run.compared
        assert not [line for line in run.lines if "choices" in line]
        assert run.lines[-1]["iteration"] == run.total
        assert "elf-selection" in str(render_run(run, load_tasks(ASSETS), catalogue("en")))
        assert (SHIPPED / name / "NOTICE").is_file()
        assert sum(path.stat().st_size for path in (SHIPPED / name).rglob("*")) < 10e6


def test_shipped_runs_are_listed_last_opened_and_never_written(tmp_path: Path, short: Path) -> None:
    shipped = tmp_path / "shipped"
    shipped_run(shipped / "learnt")
    desk = TrainingService(tmp_path / "runs", toy_loop, short, shipped)
    assert desk.runs() == [("learnt", "finished")] and desk.finished() == ["learnt"]
    assert desk.is_shipped("learnt") and not desk.is_shipped("mine")
    assert desk.read("learnt").lines == ({"iteration": 0},)
    with pytest.raises(InvalidConfig, match="is finished"):
        desk.go_on("learnt")
    with pytest.raises(InvalidConfig, match="There is a run 'learnt' already"):
        desk.start(replace(FORM, name="learnt"))
    assert not desk.folder.exists()
    shipped_run(desk.folder / "learnt")  # one of a person's own of the same name goes first
    assert desk.runs() == [("learnt", "finished")] and not desk.is_shipped("learnt")
    assert run_folder(desk.folder, "learnt", shipped) == desk.folder / "learnt"


def test_a_run_that_is_gone_or_damaged_is_one_sentence(desk: TrainingService) -> None:
    with pytest.raises(InvalidData, match="no run 'gone'"):
        desk.read("gone")
    (desk.folder / "torn").mkdir(parents=True)
    (desk.folder / "torn" / "run.json").write_text("{")
    with pytest.raises(InvalidData, match="cannot be read"):
        desk.read("torn")


def test_training_changes_no_other_copy_of_the_model(tmp_path: Path, short: Path) -> None:
    """The maker of real runs loads a model of its own."""
    from core.models.catalogue import TINY_FOLDER
    from core.models.loading import ModelConfig, load_model

    if not (TINY_FOLDER / "config.json").is_file():
        pytest.skip("assets/models/lm is not there")
    other = load_model(ModelConfig("embedded"))
    before = other.fingerprint
    config = TrainingService(tmp_path, toy_loop, short).defaults("full")
    tiny = replace(config, optim=replace(config.optim, trained="full", iterations=1))
    loop = embedded_loop(tiny, tmp_path / "run", ["eng_Latn", "swh_Latn"], lambda line: None)
    with torch.no_grad():
        next(loop.learner.network.parameters()).add_(1.0)
    del other.__dict__["fingerprint"]
    assert other.fingerprint == before


@pytest.mark.parametrize("file", [SHORT_FILE, CHOICE_FILE])
def test_the_configurations_hide_no_default(file: Path) -> None:
    """Every setting stands in the file that people read."""
    written = tomllib.loads(file.read_text(encoding="utf-8"))
    known = asdict(FitConfig())
    assert written.keys() == known.keys()
    for section, settings in known.items():
        if isinstance(settings, dict):
            assert written[section].keys() == settings.keys(), section
