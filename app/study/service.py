"""What an organiser can do, without gradio. Every method takes her session first and checks it by itself."""

import contextlib
import json
import uuid
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import langcodes

from annotation.backup.rounds import Backups, BackupState
from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import InvalidRecord, StudyNotReady, UnknownStudy
from annotation.export.files import export_study
from annotation.records import Criterion, NewStudy, Study, StudyData
from annotation.store import RatingStore
from annotation.study_records import Invitation, LanguageProgress, Stock, Tombstone
from annotation.vocabulary import StudyState
from app.access.organiser import Authority
from app.study.sources import Taken, from_collection, from_evaluation, from_table

EXPLORE, TABLE, EVALUATION = "explore", "table", "evaluation"


@dataclass(frozen=True)
class Source:
    """Where the outputs come from and how many are wanted."""

    kind: str  # EXPLORE, TABLE or EVALUATION
    file: Path | None = None
    queries: Path | None = None  # data file of an evaluation
    most: int | None = None  # items of each language


@dataclass(frozen=True)
class Design:
    """What the form of step 2 holds."""

    name: str
    task: str
    raters_per_item: int
    items_per_rater: int | None
    planned_items: int | None
    target_difference: float | None
    check_every: int | None
    repeat_after: int
    failed_share: float
    criteria: tuple[str, ...]  # default keys wanted
    own_criteria: str  # JSON, see `own_criteria`
    language: str  # of the instructions in the form
    instructions: str


@dataclass(frozen=True)
class Board:
    """Everything the page shows of one study, read at one time."""

    study: Study
    stock: Stock
    missing: tuple[str, ...]  # before it can open; empty once it is open
    languages: tuple[str, ...]
    invitations: tuple[Invitation, ...]
    progress: tuple[LanguageProgress, ...]
    data: StudyData  # without attention checks; with raters and judged checks
    tombstones: tuple[Tombstone, ...]
    backup: BackupState | None  # None: no backups are made here


class OrganiserService:
    """Serves organisers, and nobody else."""

    def __init__(
        self,
        store: RatingStore,
        authority: Authority,
        folder: Path,
        collection: str,
        backups: Backups | None = None,
    ) -> None:
        """``collection``: slug of the study that Explore fills; ``folder``: for exports."""
        self._store, self._authority, self._folder, self._collection = store, authority, folder, collection
        self._backups = backups

    def studies(self, session: object) -> list[Study]:
        """All studies but Explore's collection, newest first."""
        self._authority.require(session)
        return [one for one in reversed(self._store.studies()) if one.slug != self._collection]

    def board(self, session: object, slug: object) -> Board:
        """What there is to see of a study. Raises UnknownStudy."""
        self._authority.require(session)
        study = self._study(slug)
        return Board(
            study=study,
            stock=self._store.stock(study.id),
            missing=tuple(self._store.missing(study.id)) if study.state == "draft" else (),
            languages=tuple(self._store.languages(study.id)),
            invitations=tuple(self._store.invitations(study.id)),
            progress=tuple(self._store.language_progress(study.id)),
            data=self._store.data(study.id),
            tombstones=tuple(self._store.tombstones(study.id)),
            backup=self._backups.state() if self._backups else None,
        )

    def create(self, session: object, name: str, task: str, source: Source) -> tuple[Study, Taken]:
        """A draft with outputs; nothing is made when the source has a fault. Raises InvalidRecord, InvalidTable."""
        self._authority.require(session)
        task = task.strip() or "Read the answer for the text above it."
        new = NewStudy(
            slug=self._free_slug(name),
            name=name.strip(),
            task=task,
            instructions={"en": "Rate each answer for the text above it."},
            criteria=DEFAULT_CRITERIA,
            state="draft",
            check_every=8,
        )
        taken = self._take(source, task, 0)
        study = self._store.create_study(new)
        try:
            self._store.add_outputs(study.id, taken.outputs)
        except BaseException:
            self._store.delete_draft(study.id)
            raise
        self._try_checks(study)
        return study, taken

    def add(self, session: object, slug: object, source: Source) -> Taken:
        """More outputs for a draft. Raises InvalidRecord, InvalidTable, StudyFrozen."""
        self._authority.require(session)
        study = self._study(slug)
        taken = self._take(source, study.task, study.seed)
        self._store.add_outputs(study.id, taken.outputs)
        self._try_checks(study)
        return taken

    def _try_checks(self, study: Study) -> None:
        """Attention checks for the outputs there are; where none can be made, the checklist says so."""
        with contextlib.suppress(StudyNotReady):
            self._store.make_checks(study.id)

    def delete(self, session: object, slug: object) -> None:
        """Deletes a draft. Raises StudyFrozen."""
        self._authority.require(session)
        self._store.delete_draft(self._study(slug).id)

    def _take(self, source: Source, task: str, seed: int) -> Taken:
        if source.kind == EXPLORE:
            collected = self._store.outputs(self._store.study(self._collection).id)
            return from_collection(collected, source.most, seed)
        if source.file is None:
            raise InvalidRecord("No file was given; choose one with a row for each output.")
        if source.kind == EVALUATION:
            return from_evaluation(source.file, source.queries, task, source.most, seed)
        return from_table(source.file, task, source.most, seed)

    def design(self, session: object, slug: object, wanted: Design) -> Study:
        """Saves the design of a draft and makes its attention checks anew. Raises InvalidRecord, StudyFrozen."""
        self._authority.require(session)
        study = self._study(slug)
        chosen = tuple(one for one in DEFAULT_CRITERIA if one.key in wanted.criteria)
        instructions = dict(study.instructions)
        if wanted.instructions.strip():
            instructions[wanted.language] = wanted.instructions.strip()
        plain = ("raters_per_item", "items_per_rater", "planned_items", "target_difference", "check_every")
        revised = self._store.revise_study(
            study.id,
            NewStudy(
                slug=study.slug,
                name=wanted.name.strip(),
                task=wanted.task.strip(),
                instructions=instructions,
                criteria=(*chosen, *own_criteria(wanted.own_criteria)),
                lease_minutes=study.lease_minutes,
                repeat_after=wanted.repeat_after,
                failed_share=wanted.failed_share,
                **{name: getattr(wanted, name) for name in plain},
            ),
        )
        self._store.make_checks(study.id)
        return revised

    def make_checks(self, session: object, slug: object) -> int:
        """Makes the attention checks of a draft. Raises StudyFrozen, StudyNotReady."""
        self._authority.require(session)
        return self._store.make_checks(self._study(slug).id)

    def open(self, session: object, slug: object) -> Study:
        """Opens a draft and freezes it. Raises StudyFrozen, StudyNotReady."""
        self._authority.require(session)
        return self._store.open_study(self._study(slug).id)

    def set_state(self, session: object, slug: object, state: StudyState) -> Study:
        """Closes, opens again or withdraws. Raises StudyClosed."""
        self._authority.require(session)
        study = self._study(slug)
        if study.frozen_at is None:
            raise InvalidRecord("This study is a draft; open it first.")
        return self._store.set_study_state(study.id, state)

    def invite(
        self, session: object, slug: object, tag: str, max_uses: int | None, days: float | None
    ) -> tuple[Invitation, str]:
        """An invitation and what its link ends in. The link cannot be shown again."""
        self._authority.require(session)
        study = self._study(slug)
        ends = None if not days else datetime.now(UTC) + timedelta(days=min(float(days), 3650.0))
        invitation, token = self._store.new_invitation(study.id, tag, max_uses, ends)
        return invitation, f"rate?study={study.slug}#invite={token}"

    def revoke(self, session: object, slug: object, number: Any) -> Invitation:
        """Makes a link useless for newcomers. Raises InvalidInvitation."""
        self._authority.require(session)
        return self._store.revoke_invitation(self._study(slug).id, int(number) if str(number).isdigit() else number)

    def remove(self, session: object, slug: object, pseudonym: str, typed: str) -> tuple[Tombstone, BackupState | None]:
        """Removes one rater's data, also from the backups, if her pseudonym was typed as it is.

        The state tells whether backups without her could be made. Raises InvalidRecord, UnknownRater.
        """
        self._authority.require(session)
        if not pseudonym or (typed or "").strip() != pseudonym:
            raise InvalidRecord(f"Type {pseudonym or 'the name of a rater'} to confirm; nothing was removed.")
        gone = self._store.remove_rater(self._study(slug).id, pseudonym)
        return gone, self._backups.forget() if self._backups else None

    def export(self, session: object, slug: object) -> Path:
        """All tables of a study with the codebook, as one zip file under a name that cannot be guessed."""
        self._authority.require(session)
        study = self._study(slug)
        place = self._folder / uuid.uuid4().hex
        paths = export_study(self._store, study, place)
        archive = place / f"{study.slug}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
            for path in paths:
                bundle.write(path, path.name)
        return archive

    def _study(self, slug: object) -> Study:
        if not isinstance(slug, str) or slug == self._collection:
            raise UnknownStudy("No study is chosen; choose one above, or make one.")
        return self._store.study(slug)

    def _free_slug(self, name: str) -> str:
        plain = "".join(one if one.isascii() and one.isalnum() else " " for one in (name or "").lower()).split()
        base = "-".join(plain)[:60].strip("-") or "study"
        taken = {one.slug for one in self._store.studies()}
        return next(slug for slug in (base, *(f"{base}-{n}" for n in range(2, 10_000))) if slug not in taken)


def own_criteria(text: str) -> tuple[Criterion, ...]:
    """Criteria beyond the default three, from a JSON list of {key, label, question, anchors}, in one language or several.

    Texts are plain (English) or objects by BCP-47 tag. Raises InvalidRecord.
    """
    if not (text or "").strip():
        return ()
    try:
        found = json.loads(text)
        if not isinstance(found, list):
            raise ValueError(f"it is {type(found).__name__}")
        return tuple(
            Criterion(
                key=one["key"],
                question=_by_tag(one["question"]),
                anchors={tag: tuple(five) for tag, five in _by_tag(one["anchors"]).items()},
                label=_by_tag(one.get("label") or one["key"]),
            )
            for one in found
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRecord(
            f"The criteria of your own cannot be read ({type(error).__name__}: {error}); write a JSON list like "
            '[{"key": "politeness", "label": "Politeness", "question": "How polite is it?", "anchors": ["rude", "curt", '
            '"plain", "kind", "courteous"]}].'
        ) from None


def _by_tag(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {"en": value}


def language_name(tag: str) -> str:
    """A language's name in itself."""
    return str(langcodes.Language.get(tag).autonym())


def own_as_text(study: Study) -> str:
    """The study's criteria beyond the default three, as `own_criteria` reads them."""
    keys = {one.key for one in DEFAULT_CRITERIA}
    own = [
        {"key": one.key, "label": one.label, "question": one.question, "anchors": one.anchors}
        for one in study.criteria
        if one.key not in keys
    ]
    return json.dumps(own, ensure_ascii=False, indent=1) if own else ""
