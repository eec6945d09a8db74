"""Settings of the recipe: the shipped files are complete, and sizes that do not fit each other are refused.

Tests of `core.embedded.recipe`.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from core.config import read_config
from core.data.tasks import Task
from core.embedded.config import DecoderConfig, PretrainConfig
from core.errors import InvalidConfig
from core.models.loading import ASSETS

SHIPPED = sorted((ASSETS / "configs").glob("pretrain_*.toml"))
KINDS = {"text", "copy", "cluster", "topic", "sentiment", "translation"}


def test_a_cpu_and_a_gpu_configuration_are_shipped() -> None:
    assert [path.stem for path in SHIPPED] == ["pretrain_cpu", "pretrain_gpu"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_bundled_configuration_is_complete(path: Path, tasks: dict[str, Task]) -> None:
    config = read_config(path, PretrainConfig)
    decoder = config.decoder
    assert len(set(config.languages)) == 30
    assert set(tasks["translation"].languages) <= set(config.languages)
    assert set(config.episodes.focus) <= set(config.languages)
    # Meaning, one dimension per language, a constant and the note lie side by side; meaning comes from the teacher.
    assert decoder.meaning + len(config.languages) + 1 + decoder.note <= decoder.hidden
    assert decoder.meaning <= config.token_vectors.dimensions <= config.teacher.dimensions
    assert config.encoder.dimensions <= config.teacher.dimensions
    assert decoder.row_tokens <= decoder.context
    assert decoder.reading_steps < decoder.steps
    for shares in (decoder.shares_first, decoder.shares_then):
        assert set(shares) <= KINDS
        assert sum(shares.values()) == pytest.approx(1.0)


@pytest.fixture
def good() -> DecoderConfig:
    """256 dimensions in four heads of 64, a note of 64."""
    return read_config(ASSETS / "configs" / "pretrain_cpu.toml", PretrainConfig).decoder


REFUSED: dict[str, tuple[dict[str, int], str]] = {
    "heads that do not divide": ({"heads": 3}, r"hidden is 256, heads 3 and note 64; heads must divide hidden"),
    "a note over a head": ({"heads": 8}, r"heads 8 and note 64; .* note must be hidden / heads or half of it"),
    "a note between": ({"note": 48}, r"note 48; .* note must be hidden / heads or half of it"),
    "a note below": ({"note": 16}, r"note 16; .* note must be hidden / heads or half of it"),
    "no note": ({"note": 0}, r"note 0; .* note must be hidden / heads or half of it"),
    "too much meaning": ({"meaning": 192}, r"meaning \(192\) and note \(64\) leave no room in hidden \(256\)"),
    "one upper layer": ({"layers": 2}, r"layers is 2; the upper half needs two layers or more, so at least 3"),
    "one layer": ({"layers": 1}, r"layers is 1; the upper half needs two layers"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_sizes_that_do_not_fit_are_refused(fault: str, good: DecoderConfig) -> None:
    changes, message = REFUSED[fault]
    with pytest.raises(InvalidConfig, match=message):
        replace(good, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes", [{"note": 32}, {"meaning": 191}, {"layers": 3}, {"heads": 2, "note": 128, "meaning": 90}]
)
def test_the_nearest_sizes_that_fit_are_taken(changes: dict[str, int], good: DecoderConfig) -> None:
    replace(good, **changes)  # type: ignore[arg-type]
