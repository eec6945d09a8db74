"""RatingStore: the database as `app` uses it. Its methods are the functions of `annotation.queries`, each in a transaction.

A store may be shared by threads: each method has its own session. What a method returns was committed before. A writing
method that loses a race against another process on PostgreSQL is run again; on SQLite writers queue, and this never
happens. Arguments, results and errors of a method stand in the docstring of its query. Who may call which method is
decided by the app, for each call: the second half of the list is for organisers alone.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self

from annotation.blind_records import AssignmentView
from annotation.database import migrate
from annotation.database.engine import PROC_MOUNTS, open_engines
from annotation.database.journal import Journal
from annotation.database.transactions import Transactions, reading, reading_now, utc_now, writing, writing_now
from annotation.queries import adjudication as _adjudication
from annotation.queries import adjudication_records as _adjudication_records
from annotation.queries import adjudicators as _adjudicators
from annotation.queries import assignments as _assignments
from annotation.queries import attention_checks as _attention_checks
from annotation.queries import design as _design
from annotation.queries import invitations as _invitations
from annotation.queries import judges as _judges
from annotation.queries import markings as _markings
from annotation.queries import merge as _merge
from annotation.queries import outputs as _outputs
from annotation.queries import participation as _participation
from annotation.queries import preferences as _preferences
from annotation.queries import progress as _progress
from annotation.queries import qualification as _qualification
from annotation.queries import queue as _queue
from annotation.queries import raters as _raters
from annotation.queries import results as _results
from annotation.queries import studies as _studies
from annotation.queries import submissions as _submissions
from annotation.queries import views as _views


class RatingStore(Transactions):
    """Studies, raters and their ratings in one database. Use `open`; close it, or use it in a `with`."""

    @classmethod
    def open(
        cls,
        url_or_path: str | Path,
        *,
        clock: Callable[[], datetime] = utc_now,
        mounts_file: Path = PROC_MOUNTS,
        journal: Journal | None = None,
    ) -> Self:
        """Opens and migrates. A path, `sqlite:///path`, `sqlite://` (memory) or `postgresql+driver://...`.

        With a `journal` (SQLite files only) each change is in it before a method returns; `open_with_backups` makes one.

        Raises DatabaseUnavailable (cannot be opened, written or reached; not a database) and DatabaseTooNew.
        """
        engines = open_engines(url_or_path, mounts_file)
        try:
            migrate.upgrade(engines)
        except BaseException:
            engines.dispose()
            raise
        return cls(engines, clock, journal)

    # Studies and what they hold
    studies = reading(_studies.all_studies)
    study = reading(_studies.study_of_slug)
    ensure_study = writing_now(_studies.ensure_study)
    add_outputs = writing_now(_outputs.add_outputs)
    take_back_outputs = writing(_outputs.take_back_outputs)

    # Raters
    invited = reading_now(_invitations.invited)
    accept_invitation = writing_now(_invitations.accept_invitation)
    new_rater = writing_now(_raters.new_rater)
    rater_by_token = reading(_raters.rater_by_token)
    rater_of_token = reading(_raters.rater_of_token)
    rater_and_study = reading(_raters.rater_and_study)

    outstanding = reading(_participation.outstanding)
    agree = writing_now(_participation.agree)
    answer_background = writing(_participation.answer_background)
    screen_out = writing_now(_participation.screen_out)
    completion = reading_now(_participation.completion)
    preparation = reading(_qualification.preparation)
    practise = writing(_qualification.practise)
    take_test = writing_now(_qualification.take_test)

    # Rating
    assignment = reading(_views.assignment_view_at)
    lettered = reading(_views.lettered)
    changes = reading(_views.changes)
    preference_changes = reading(_views.preference_changes)
    span_changes = reading(_views.span_changes)
    progress = reading_now(_queue.progress)
    submit = writing_now(_submissions.submit)
    skip = writing_now(_submissions.skip)
    _lease_next = writing_now(_assignments.next_assignment)
    _assignment_view = reading(_views.assignment_view)

    def next_assignment(self, rater_id: int) -> AssignmentView | None:
        """Her first unfinished item, leased to her from now; None when nothing is left.

        Texts are read after the lease is committed, so that nobody waits for them. Raises UnknownRater, StudyClosed.
        """
        assignment_id = self._lease_next(rater_id)
        return None if assignment_id is None else self._assignment_view(rater_id, assignment_id)

    # Results; attention checks are left out unless `checks` is True
    data = reading(_results.everything)
    answered_studies = reading(_results.answered_studies)
    ratings = reading(_results.ratings)
    history = reading(_results.history)
    error_spans = reading(_markings.error_spans)
    span_history = reading(_markings.span_history)
    preferences = reading(_preferences.preferences)
    preference_history = reading(_preferences.preference_history)
    outputs = reading(_outputs.output_records)
    assignments = reading(_results.assignments)

    # For organisers: design
    create_study = writing_now(_design.create_draft)
    revise_study = writing(_design.revise_draft)
    remove_outputs = writing(_outputs.remove_outputs)
    delete_draft = writing(_design.delete_draft)
    make_checks = writing_now(_attention_checks.make_checks)
    stock = reading(_design.stock)
    missing = reading(_design.missing)
    open_study = writing_now(_design.open_study)
    set_study_state = writing_now(_design.set_state)
    publish_study = writing_now(_design.publish)
    unpublish_study = writing_now(_design.unpublish)
    clone_study = writing_now(_design.clone)

    # For organisers: invitations, raters, progress
    languages = reading(_invitations.languages)
    invitations = reading(_invitations.invitations)
    new_invitation = writing_now(_invitations.new_invitation)
    new_links = writing_now(_invitations.new_links)
    revoke_invitation = writing_now(_invitations.revoke_invitation)
    language_progress = reading_now(_progress.language_progress)
    raters = reading(_progress.rater_records)
    check_results = reading(_attention_checks.check_results)
    exclude_rater = writing_now(_progress.exclude_rater)
    include_rater = writing(_progress.include_rater)
    remove_rater = writing_now(_progress.remove_rater)
    tombstones = reading(_progress.tombstones)

    # Adjudication; naming and removing is the organiser's, the rest the adjudicator's own
    name_adjudicator = writing_now(_adjudicators.name_adjudicator)
    adjudicators = reading(_adjudicators.adjudicators)
    remove_adjudicator = writing_now(_adjudicators.remove_adjudicator)
    adjudicator_of_token = reading(_adjudicators.adjudicator_of_token)
    next_case = reading(_adjudication.next_case)
    case = reading(_adjudication.case_at)
    lettered_case = reading(_adjudication.lettered_case)
    case_progress = reading(_adjudication.case_progress)
    adjudicate = writing_now(_adjudication.adjudicate)
    adjudications = reading(_adjudication_records.adjudications)

    # For organisers: models that grade
    ensure_judge = writing_now(_judges.ensure_judge)
    judges = reading(_judges.judges)
    unscored = reading(_judges.unscored)
    store_scores = writing_now(_judges.store_scores)
    remove_judge = writing(_judges.remove_judge)
    judge_scores = reading(_judges.judge_scores)

    # For backups
    pending_removals = reading(_progress.pending_removals)
    removals_done = writing_now(_progress.removals_done)
    merge = writing(_merge.merge_changes)
