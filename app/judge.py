"""Lets a model grade the outputs of a study without the browser: ``python -m app.judge STUDY --model gemma-3-270m``.

What Results offers an organiser, for a machine without a screen or a run over night. It goes on where it was: grades are stored
some at a time, and the same weights with the same prompt are the same judge. The app must not run on the same data folder
meanwhile, so that one program alone writes to the ratings and their backups.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from annotation.errors import AnnotationError
from annotation.judge_records import Judge
from annotation.store import RatingStore
from app.explore.models import ModelCache, offered_of, served_of
from app.machine import FolderLock
from app.options import ROOT
from app.results.judging import grade_study
from app.results.organising import open_judge
from app.services import open_safely
from core.errors import CoreError
from core.models.loading import PRECISIONS


def main(arguments: list[str] | None = None) -> int:
    """Grade what is not graded yet. Returns 2 with one sentence when something given cannot be used, 130 when it was stopped."""
    options = _parse(arguments)
    os.umask(0o077)  # as the app: ratings and backups are their owner's
    try:
        lock = FolderLock(options.data)
        try:
            return _grade(options)
        finally:
            lock.release()
    except (CoreError, AnnotationError) as error:
        print(error, file=sys.stderr)
        return 2


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m app.judge", description="Let a model grade the outputs of a study."
    )
    parser.add_argument("study", help="short name of the study, as in its links")
    parser.add_argument(
        "--model", default="default", help="model that grades: a known name, a folder, a name on the Hub, or 'served'"
    )
    parser.add_argument("--precision", default="auto", choices=PRECISIONS, help="number format of its weights")
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="folder for ratings and caches")
    parser.add_argument("--cache", type=Path, help="folder for caches (default: cache in --data)")
    parser.add_argument(
        "--database", default=os.environ.get("DATABASE_URL"), help="rating database (default: ratings.db in --data)"
    )
    return parser.parse_args(arguments)


def _grade(options: argparse.Namespace) -> int:
    backed_up = open_safely(options.database or f"sqlite:///{options.data.resolve() / 'ratings.db'}")
    try:
        return _run(options, backed_up.store)
    finally:
        backed_up.close()


def _run(options: argparse.Namespace, store: RatingStore) -> int:
    study = store.study(options.study)  # before a model is loaded for nothing
    models = ModelCache(options.cache or options.data / "cache", "", None, served_of(), offered_of())
    model, scorer = open_judge(models, options.model, options.precision)
    start, graded = time.monotonic(), grade_study(store, study, model, scorer)
    judge = first = next(graded)
    try:
        for judge in graded:
            print(f"{judge.name}: {judge.scored} of {judge.total} grades", flush=True)
    except KeyboardInterrupt:
        print("Stopped; what is graded is stored, and the same command goes on.", file=sys.stderr)
        return 130
    print(summary(judge, study.name, judge.scored - first.scored, time.monotonic() - start))
    return 0


def summary(judge: Judge, study: str, new: int, seconds: float) -> str:
    """What was done, in one sentence."""
    pace = f", {new} of them now, {seconds / new:.2f} s each" if new else ", none of them new"
    long = f"; {judge.too_long} had no room for their prompt" if judge.too_long else ""
    return f"{judge.name} has graded {study}: {judge.scored} grades{pace}{long}."


if __name__ == "__main__":
    sys.exit(main())
