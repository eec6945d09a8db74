"""Checks of what comes from outside, before any SQL. Pure: each function returns nothing or raises."""

import json
import math
import re
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from annotation.errors import InvalidRating, InvalidRecord, InvalidSkip
from annotation.participation_checks import check_background, check_crowd
from annotation.preference_checks import check_questions
from annotation.qualification_checks import check_qualification
from annotation.records import Criterion, NewOutput, NewStudy
from annotation.scales import ALL_FIVE, FIVE, MOST_POINTS, NOT_APPLICABLE, Scale, is_allowed, scale_of
from annotation.stopping import check_stopping
from annotation.value_checks import KEY, MAX_KEY, check_text, check_texts, is_number
from annotation.vocabulary import CRITERION_KEYS, MATERIALS, PROFICIENCIES, SKIP_REASONS, STUDY_STATES

MAX_COMMENT = 4000  # characters
MAX_COMMENTS = 200_000  # characters of all comments of one rater, earlier versions too
MAX_CHANGES = 100  # presses of the button for one item by one rater, the first one too
MAX_OUTPUT_TEXT = 100_000  # characters of one text of an output
MAX_CRITERIA = 6  # one page has to hold them for each output
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")


def check_study(study: NewStudy) -> None:
    """Raises InvalidRecord for a study that cannot be stored or shown."""
    check_text(study.slug, "the study's slug")
    if not _SLUG.match(study.slug) or len(study.slug) > 80:
        raise InvalidRecord(
            f"the study's slug is {study.slug!r}; allowed are up to 80 lower-case letters, digits and single "
            "hyphens, for example 'topics-2026'."
        )
    check_text(study.name, "the study's name")
    check_text(study.task, "the study's task")
    check_texts(study.instructions, "the study's instructions")
    if study.state not in STUDY_STATES:
        raise InvalidRecord(f"the study's state is {study.state!r}; allowed are {', '.join(STUDY_STATES)}.")
    _check_numbers(study)
    if not study.criteria and not study.preferences and not study.error_spans:
        raise InvalidRecord(
            "the study has no criterion and asks nothing else of raters; pass criteria=DEFAULT_CRITERIA or a selection of it.",
            "no_criterion",
        )
    keys = [criterion.key for criterion in study.criteria]
    if len(set(keys)) != len(keys):
        raise InvalidRecord(f"the study's criteria are {keys}; each may occur once.")
    if len(keys) > MAX_CRITERIA:
        raise InvalidRecord(f"the study has {len(keys)} criteria; allowed are up to {MAX_CRITERIA}, fewer are better.")
    for criterion in study.criteria:
        check_criterion(criterion)
    check_questions(study.preferences)
    if study.stopping is not None:
        check_stopping(study.stopping, keys)
    for name in ("error_spans", "balance_groups"):
        if type(getattr(study, name)) is not bool:
            raise InvalidRecord(f"{name} is {getattr(study, name)!r}; give True or False.")
    _check_before_items(study)


def _check_before_items(study: NewStudy) -> None:
    if study.consent is not None:
        check_text(study.consent.version, "the version of the consent text")
        check_texts(study.consent.texts, "the consent text")
    unknown = [one for one in study.materials if one not in MATERIALS]
    if unknown:
        raise InvalidRecord(f"raters are to be shown {unknown[0]!r}; allowed are {', '.join(MATERIALS)}.")
    check_background(study.background)
    if study.crowd is not None:
        check_crowd(study.crowd)
    if study.qualification is not None:
        check_qualification(study.qualification, {one.key: one.scale for one in study.criteria})


def _check_numbers(study: NewStudy) -> None:
    least = {"raters_per_item": 1, "lease_minutes": 1, "repeat_after": 1}
    optional = {"items_per_rater": 1, "planned_items": 1, "check_every": 2, "seed": 0}
    for name, lowest in (least | optional).items():
        number = getattr(study, name)
        if (number is None and name in optional) or (type(number) is int and lowest <= number < 2**31):
            continue
        raise InvalidRecord(f"{name} is {number!r}; give an integer of at least {lowest}.")
    for tag, number in study.quotas.items():
        check_text(tag, "a language of the quotas")
        if type(number) is not int or not 1 <= number < 2**31:
            raise InvalidRecord(f"{number!r} raters are to rate each item in {tag}; give an integer of at least 1.")
    target, share = study.target_difference, study.failed_share
    if target is not None and not (is_number(target) and 0 < target <= FIVE.span):
        raise InvalidRecord(
            f"target_difference is {target!r}; give a number above 0, up to {FIVE.span}, in points of a scale from {FIVE}."
        )
    if not (is_number(share) and 0 <= share < 1):
        raise InvalidRecord(f"failed_share is {share!r}; give a share of at least 0 and below 1, for example 0.5.")


def check_criterion(criterion: Criterion) -> None:
    """Raises InvalidRecord for a criterion that cannot be stored or shown."""
    if not isinstance(criterion.key, str) or not KEY.match(criterion.key):
        raise InvalidRecord(
            f"a criterion is called {criterion.key!r}; allowed are up to 32 lower-case letters, digits and "
            "underscores, beginning with a letter, for example 'politeness'."
        )
    if criterion.key not in CRITERION_KEYS and not criterion.label:
        raise InvalidRecord(
            f"the criterion {criterion.key} has no label for raters; give one in the languages of its question, "
            f"or use one of {', '.join(CRITERION_KEYS)}."
        )
    if criterion.label:
        check_texts(criterion.label, f"the label of {criterion.key}")
    check_text(criterion.version, f"the version of {criterion.key}")
    check_texts(criterion.question, f"the question of {criterion.key}")
    if set(criterion.anchors) != set(criterion.question):
        raise InvalidRecord(
            f"{criterion.key} has its question in {sorted(criterion.question)} and its anchors in "
            f"{sorted(criterion.anchors)}; give both in the same languages."
        )
    scale = criterion.scale
    if not is_allowed(scale):
        raise InvalidRecord(
            f"the scale of {criterion.key} is {scale!r}; allowed are 2 to {MOST_POINTS} points from 0 or 1 on, or 0 to 100."
        )
    for language, anchors in criterion.anchors.items():
        if isinstance(anchors, str) or not scale.fits(len(anchors)):
            count = f"2 to {MOST_POINTS}" if scale.is_continuous else str(len(scale.points))
            raise InvalidRecord(f"{criterion.key} in {language} needs {count} anchors, for {scale}; seen {anchors!r}.")
        points = scale.labelled_points(len(anchors))
        for point, anchor in zip(points, anchors, strict=True):
            inner = point not in (points[0], points[-1])  # both ends have words, others may have none
            check_text(anchor, f"anchor {point} of {criterion.key} in {language}", empty=inner)


def _check_lengths(output: NewOutput) -> None:
    for name in ("source_text", "task", "text", "reference", "context"):
        if (length := len(getattr(output, name) or "")) > MAX_OUTPUT_TEXT:
            raise InvalidRecord(
                f"{name} of {output.item_key[:40]!r} has {length:,} characters; allowed are {MAX_OUTPUT_TEXT:,}."
            )


def check_output(output: NewOutput) -> None:
    """Raises InvalidRecord for an output that cannot be stored; an empty output text is allowed, a model may
    say nothing.
    """
    for name in ("item_key", "item_language", "source_text", "system", "language"):
        check_text(getattr(output, name), f"{name} of an output")
    check_text(output.task, "task of an output", empty=True)
    for name in ("item_key", "item_language", "system", "language"):
        if len(getattr(output, name)) > MAX_KEY:
            raise InvalidRecord(
                f"{name} of an output has {len(getattr(output, name))} characters; allowed are {MAX_KEY}."
            )
    _check_lengths(output)
    check_text(output.text, f"the text of {output.system} for {output.item_key}", empty=True)
    _check_group(output)
    for what, text in (("reference", output.reference), ("context", output.context)):
        if text is not None:
            check_text(text, f"the {what} of {output.item_key}", empty=True)
    what = f"the provenance of {output.system} for {output.item_key}"
    if not isinstance(output.provenance, Mapping):
        raise InvalidRecord(f"{what} is {type(output.provenance).__name__}; give a dict.")
    try:
        serialised = json.dumps(dict(output.provenance), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise InvalidRecord(f"{what} is not JSON ({error}); give strings, finite numbers, lists and dicts.") from None
    if json.loads(serialised) != _lists_for_tuples(dict(output.provenance)):
        raise InvalidRecord(f"{what} changes when written as JSON; use strings as keys.")
    if "\\u0000" in serialised:
        raise InvalidRecord(f"{what} holds a NUL character, which PostgreSQL cannot store; remove it.")
    check_text(serialised, what)


def _check_group(output: NewOutput) -> None:
    if output.group is not None:
        check_text(output.group, f"the group of {output.item_key}")
        if len(output.group) > MAX_KEY:
            raise InvalidRecord(f"the group of {output.item_key[:40]!r} is longer than {MAX_KEY} characters.")


def _lists_for_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists_for_tuples(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_lists_for_tuples(inner) for inner in value]
    return value


def canonical_submission_id(submission_id: object) -> str:
    """The UUID in its canonical spelling, so that a retry in another spelling is the same one.

    Raises InvalidRating.
    """
    try:
        return str(uuid.UUID(submission_id)) if isinstance(submission_id, str) else _not_a_uuid(submission_id)
    except ValueError:
        return _not_a_uuid(submission_id)


def _not_a_uuid(value: object) -> str:
    raise InvalidRating(f"the submission id is {value!r}; the page has to make a UUID, one per press of the button.")


def check_values(
    values: object, required: Mapping[tuple[int, str], str], scales: Mapping[str, Scale] = ALL_FIVE
) -> None:
    """Raises InvalidRating unless `values` maps exactly the required keys to answers on their scales.

    required: (output_id, criterion key) -> how the rater knows it, e.g. "fluency of answer B". scales: by criterion key, 1 to 5
    where none is named. A bool is not an integer here, 3.0 is not 3, and None is not "not applicable": a page that sends
    them has a fault that must not become data.
    """
    if not isinstance(values, Mapping):
        raise InvalidRating(
            f"the ratings came as {type(values).__name__}; send a mapping of (output, criterion) to points."
        )
    unknown = [key for key in values if key not in required]
    if unknown:
        raise InvalidRating(f"ratings came for {_listed(unknown)}, which this item does not ask for; reload the page.")
    missing = [name for key, name in required.items() if key not in values or values[key] is None]
    if missing:
        raise InvalidRating(f"not rated yet: {_listed(missing)}. Please rate these too.")
    for key, name in required.items():
        value = values[key]
        scale = scale_of(scales, key[1])
        if not scale.accepts(value):
            also = f" and {NOT_APPLICABLE!r}" if scale.not_applicable else ""
            raise InvalidRating(f"{name} came as {value!r}; allowed are the integers {scale}{also}.")


def check_seconds(seconds: object) -> None:
    """Raises InvalidRating unless `seconds` is a finite number that is not negative."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds) or seconds < 0:
        raise InvalidRating(f"the time spent came as {seconds!r}; send seconds as a number of at least 0.")


def check_proficiency(proficiency: object) -> None:
    """Raises InvalidRecord unless `proficiency` is None or one of PROFICIENCIES."""
    if proficiency is not None and proficiency not in PROFICIENCIES:
        raise InvalidRecord(f"the proficiency is {proficiency!r}; allowed are {', '.join(PROFICIENCIES)}.")


def check_comment(comment: object) -> None:
    """Raises InvalidRating for a comment that is not storable text of at most MAX_COMMENT characters."""
    if comment is None:
        return
    try:
        check_text(comment, "the comment", empty=True)
    except InvalidRecord as error:
        raise InvalidRating(str(error)) from None
    if isinstance(comment, str) and len(comment) > MAX_COMMENT:
        raise InvalidRating(f"the comment has {len(comment)} characters; allowed are {MAX_COMMENT}. Please shorten it.")


def check_skip_reason(reason: object) -> None:
    """Raises InvalidSkip unless `reason` is one of SKIP_REASONS."""
    if reason not in SKIP_REASONS:
        raise InvalidSkip(f"the reason for skipping is {reason!r}; allowed are {', '.join(SKIP_REASONS)}.")


def check_own_token(token: object) -> None:
    """Raises InvalidRecord unless `token` is long enough not to be guessed: a page makes it of random bytes."""
    if not isinstance(token, str) or not re.fullmatch(r"[A-Za-z0-9_-]{40,128}", token):
        raise InvalidRecord("the page's own token must be 40 to 128 letters, digits, - or _; reload the page.")


def _listed(things: Collection[object], at_most: int = 6) -> str:
    names = [str(thing) for thing in list(things)[:at_most]]
    return ", ".join(names) + (f" and {len(things) - at_most} more" if len(things) > at_most else "")
