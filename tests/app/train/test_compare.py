"""Runs laid over each other: a line each, and only the settings that differ."""

from dataclasses import replace

from app.texts import catalogue
from app.train.compare import compare_view, differing, overlay
from app.train.runs import Run
from core.training.config import FitConfig

TEXTS = catalogue("en")
PLAIN = FitConfig()


def run(name: str, config: FitConfig | None, shares: tuple[float, ...], model: str = "embedded") -> Run:
    lines = tuple({"iteration": 5 * at, "development": {"agl": share}} for at, share in enumerate(shares))
    entry = {"model": {"name": model, "precision": "fp32", "fingerprint": name}}
    return Run(name, "finished", lines, (), entry, config)


def test_only_settings_that_differ_are_listed_with_the_value_of_every_run() -> None:
    other = replace(PLAIN, seed=7, reward=replace(PLAIN.reward, beta=0.5))
    runs = [run("a", PLAIN, (0.4,)), run("b", other, (0.4,)), run("c", None, (0.4,), "gemma-3-270m")]
    rows = differing(runs[:2])
    assert rows == {"seed": (str(PLAIN.seed), "7"), "reward.beta": (str(PLAIN.reward.beta), "0.5")}
    with_unknown = differing(runs)
    assert with_unknown["seed"] == (str(PLAIN.seed), "7", "–")
    assert with_unknown["model.name"] == ("embedded", "embedded", "gemma-3-270m")
    assert differing([runs[0], runs[0]]) == {}


def test_a_line_a_run_and_names_shown_as_texts() -> None:
    runs = [run("<b>a</b>", PLAIN, (0.4, 0.5)), run("b", replace(PLAIN, seed=7), (0.4, 0.3, 0.6))]
    figure = overlay(runs, TEXTS)
    assert [list(trace.x) for trace in figure.data] == [[0, 5], [0, 5, 10]]
    assert [list(trace.y) for trace in figure.data] == [[0.4, 0.5], [0.4, 0.3, 0.6]]
    assert len({(trace.line.color, trace.line.dash, trace.marker.symbol) for trace in figure.data}) == 2
    html = compare_view(runs, TEXTS)
    assert "<b>a</b>" not in html and "<code>seed</code>" in html and "reward.alpha" not in html
    assert html.count('<td data-name="b">') == 2  # a phone says whose value it is
    assert TEXTS("train.compare_same") in compare_view([runs[0], runs[0]], TEXTS)
