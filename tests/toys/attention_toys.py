"""A study with attention checks."""

from dataclasses import replace

from rating_examples import SYSTEMS, new_study

from annotation.records import NewOutput, Study
from annotation.store import RatingStore

WORDS = ["mchezaji", "alifunga", "bao", "la", "ushindi", "dakika", "ya", "mwisho"]


def text_of(item: str, system: str) -> str:
    """Different for every item and system, long enough to be spoiled in every way."""
    return " ".join([item, *WORDS, system])


def outputs(count: int, language: str = "sw", systems: tuple[str, ...] = SYSTEMS) -> list[NewOutput]:
    return [
        NewOutput(f"i{n:02}", language, f"Habari {n}.", "Eleza.", system, language, text_of(f"i{n:02}", system))
        for n in range(count)
        for system in systems
    ]


def opened(store: RatingStore, count: int = 8, **design: object) -> Study:
    values = {"check_every": 3, "repeat_after": 2, "seed": 5, "raters_per_item": 4, **design}
    made = store.create_study(replace(new_study("checked"), **values))  # type: ignore[arg-type]
    store.add_outputs(made.id, outputs(count))
    store.make_checks(made.id)
    return store.open_study(made.id)
