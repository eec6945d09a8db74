"""Signs of careless answers where there are orders and marked errors alone; those of ratings: `test_attention_checks`."""

from dataclasses import replace

from preference_examples import OVERALL, compared_study, ordered, preference, submission
from rating_examples import outputs_of

from annotation.blind_records import AssignmentView
from annotation.rater_flags import FEWEST_MISSED, FEWEST_ORDERS, RaterSigns, signs
from annotation.records import Rater, StudyData
from annotation.store import RatingStore

ITEMS = FEWEST_ORDERS
SYSTEMS = ("agl", "knn")


def signs_of(data: StudyData) -> dict[str, RaterSigns]:
    return {
        one.rater: one
        for one in signs(
            data.ratings,
            data.assignments,
            data.outputs,
            preferences=data.preferences,
            error_spans=data.error_spans,
        )
    }


def test_orders_alone_show_sameness_by_place_and_speed(store: RatingStore) -> None:
    """The careful one prefers one system throughout, which she cannot know: no sign. The careless one takes what stands first."""
    study = store.ensure_study(compared_study(raters_per_item=9))
    store.add_outputs(study.id, [one for item in range(ITEMS) for one in outputs_of(f"i{item}", systems=SYSTEMS)])
    best = {one.output_id for one in store.outputs(study.id) if one.system == "agl"}

    def rate(seconds: float, *, by_place: bool) -> Rater:
        rater, _ = store.new_rater(study.id, "sw")
        while (view := store.next_assignment(rater.id)) is not None:
            first = by_place or view.outputs[0].output_id in best
            store.submit(submission(rater.id, view, ordered(view, *((1, 2) if first else (2, 1))), seconds=seconds))
        return rater

    careful, careless = rate(30.0, by_place=False), rate(0.4, by_place=True)
    data = store.data(study.id)
    assert len({one.ranks for one in data.preferences if one.rater == careful.pseudonym}) == 2  # places were drawn
    result = signs_of(data)
    assert (result[careful.pseudonym].flags, result[careful.pseudonym].ratings) == ((), 0)
    assert result[careless.pseudonym].flags == ("same_order", "fast")
    assert result[careless.pseudonym].same_order_share == 1.0
    assert result[careless.pseudonym].median_seconds == 0.4


def test_a_few_orders_and_two_questions_on_few_items_say_nothing(store: RatingStore) -> None:
    study = store.ensure_study(compared_study())
    store.add_outputs(study.id, outputs_of("i0", systems=SYSTEMS))
    rater, _ = store.new_rater(study.id, "sw")
    view = store.next_assignment(rater.id)
    assert view is not None
    store.submit(submission(rater.id, view, ordered(view, 1, 2), seconds=30.0))
    data = store.data(study.id)

    def flags(items: int, questions: int, ranks: tuple[int, ...] = (1, 2)) -> tuple[str, ...]:
        orders = tuple(
            preference(f"i{item}", rater.pseudonym, SYSTEMS, ranks, question=f"q{question}")
            for item in range(items)
            for question in range(questions)
        )
        return signs_of(replace(data, preferences=orders))[rater.pseudonym].flags

    assert flags(FEWEST_ORDERS - 1, 1) == flags(FEWEST_ORDERS - 1, 2) == ()
    assert flags(FEWEST_ORDERS, 1) == flags(FEWEST_ORDERS, 2) == ("same_order",)
    assert flags(FEWEST_ORDERS, 1, (1, 1)) == ("same_order",)  # always equal


def test_whoever_marks_nothing_where_others_mark_errors_is_flagged(store: RatingStore) -> None:
    study = store.ensure_study(compared_study(raters_per_item=9, preferences=(OVERALL,), error_spans=True))
    store.add_outputs(study.id, [one for item in range(ITEMS) for one in outputs_of(f"i{item}", systems=SYSTEMS)])

    def rate(marks: int) -> Rater:
        """Marks an error in the first outputs that she meets, then none."""
        rater, _ = store.new_rater(study.id, "sw")
        while (view := store.next_assignment(rater.id)) is not None:
            spans = {one.output_id: () for one in view.outputs}
            for output in view.outputs[: max(0, marks)]:
                spans[output.output_id] = ((0, 3, "minor"),)  # type: ignore[assignment]
                marks -= 1
            store.submit(submission(rater.id, view, by_system(view), spans=spans, seconds=30.0))
        return rater

    systems = {}

    def by_system(view: AssignmentView) -> dict[str, dict[int, int]]:
        systems.update({one.output_id: one.system for one in store.outputs(study.id)})
        return ordered(view, *(1 + (systems[one.output_id] == "knn") for one in view.outputs))

    none = rate(0)
    assert signs_of(store.data(study.id))[none.pseudonym].flags == ()  # alone, she may be right
    few = rate(FEWEST_MISSED)
    result = signs_of(store.data(study.id))
    assert (result[none.pseudonym].flags, result[none.pseudonym].missed) == (("no_errors",), FEWEST_MISSED)
    assert (result[few.pseudonym].flags, result[few.pseudonym].marked) == ((), FEWEST_MISSED)
