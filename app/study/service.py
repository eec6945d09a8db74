"""What an organiser can do, without gradio. Every method takes her session first and checks it by itself."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from annotation.backup.rounds import Backups, BackupState
from annotation.criteria import DEFAULT_CRITERIA
from annotation.errors import InvalidRecord, StudyNotReady, UnknownStudy
from annotation.export.archive import write_archive
from annotation.records import NewStudy, Study
from annotation.store import RatingStore
from annotation.study_records import Invitation, Tombstone
from annotation.vocabulary import StudyState
from app.access.organiser import Authority
from app.downloads import fresh_folder
from app.rate.preview import Previews
from app.study.archives import from_archive
from app.study.board import (
    ARCHIVE,
    EXPLORE,
    PLACEHOLDER_INSTRUCTIONS,
    PLACEHOLDER_TASK,
    Board,
    Design,
    Source,
    placeholders,
)
from app.study.links import ends_after, path_of, write_links
from app.study.own_criteria import own_criteria
from app.study.sources import Taken, file_of, from_collection, from_file


class StudyService:
    """Serves organisers, and nobody else."""

    def __init__(
        self,
        store: RatingStore,
        authority: Authority,
        folder: Path,
        collection: str,
        backups: Backups | None = None,
        previews: Previews | None = None,
    ) -> None:
        """``collection``: slug of the study that Explore fills; ``folder``: for exports; ``previews``: those that the
        raters' page shows.
        """
        self._store, self._authority, self._folder, self._collection = store, authority, folder, collection
        self._backups, self._previews = backups, previews or Previews()

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
            placeholders=placeholders(study) if study.frozen_at is None else (),
            languages=tuple(self._store.languages(study.id)),
            invitations=tuple(self._store.invitations(study.id)),
            progress=tuple(self._store.language_progress(study.id)),
            data=self._store.data(study.id),
            tombstones=tuple(self._store.tombstones(study.id)),
            backup=self._backups.state() if self._backups else None,
        )

    def create(self, session: object, name: str, task: str, source: Source) -> tuple[Study, Taken]:
        """A draft with outputs; nothing is made when the source has a fault. Raises InvalidRecord, also for the name of
        another study, InvalidTable.
        """
        self._authority.require(session)
        new = NewStudy(
            slug="",
            name=name,
            task=task.strip() or PLACEHOLDER_TASK,
            instructions={"en": PLACEHOLDER_INSTRUCTIONS},
            criteria=DEFAULT_CRITERIA,
            state="draft",
            check_every=8,
        )
        if source.kind == ARCHIVE:
            new, outputs = from_archive(file_of(source))
            taken, name = Taken(outputs), name.strip() or new.name
        self._refuse_same_name(name, None)
        new = replace(new, slug=self._free_slug(name), name=name.strip())
        if source.kind != ARCHIVE:
            taken = self._take(source, "", 0)  # items without a task of their own have the study's
        study = self._store.create_study(new)
        try:
            self._store.add_outputs(study.id, taken.outputs)
        except BaseException:
            self._store.delete_draft(study.id)
            raise
        self._try_checks(study)
        return study, taken

    def clone(self, session: object, slug: object, name: str, *, with_outputs: bool) -> Study:
        """A draft with the design of a study, and its outputs where asked for; nothing of its raters. Raises InvalidRecord."""
        self._authority.require(session)
        study = self._study(slug)
        self._refuse_same_name(name, None)
        new = self._store.clone_study(study.id, self._free_slug(name), name.strip())
        if with_outputs:
            self._try_checks(new)
        else:
            self._store.remove_outputs(new.id)
        return new

    def add(self, session: object, slug: object, source: Source) -> Taken:
        """More outputs for a draft. Raises InvalidRecord, InvalidTable, StudyFrozen."""
        self._authority.require(session)
        study = self._study(slug)
        taken = self._take(source, "", study.seed)
        self._store.add_outputs(study.id, taken.outputs)
        self._try_checks(study)
        return taken

    def _try_checks(self, study: Study) -> None:
        """Attention checks for the outputs there are; where none can be made, the checklist says so."""
        with contextlib.suppress(StudyNotReady):
            self._store.make_checks(study.id)

    def _refuse_same_name(self, name: str, slug: str | None) -> None:
        """Two studies of one name cannot be told apart, and a button pressed twice would make two. A name is needed."""
        if not (name or "").strip():
            raise InvalidRecord("The study's name is empty; write one.", "no_name")
        same = [
            one
            for one in self._store.studies()
            if one.slug != self._collection and one.name.casefold() == (name or "").strip().casefold()
        ]
        if any(one.slug != slug for one in same):
            raise InvalidRecord(
                f"There is a study called '{same[0].name}' already; choose another name.",
                "name_taken",
                name=same[0].name,
            )

    def delete(self, session: object, slug: object) -> str:
        """Deletes a draft; returns its name. Raises StudyFrozen."""
        self._authority.require(session)
        study = self._study(slug)
        self._store.delete_draft(study.id)
        return study.name

    def _take(self, source: Source, task: str, seed: int) -> Taken:
        if source.kind == EXPLORE:
            collected = self._store.outputs(self._store.study(self._collection).id)
            return from_collection(collected, source.most, seed)
        return from_file(source, task, seed)

    def design(self, session: object, slug: object, design: Design) -> Study:
        """Saves the design of a draft and makes its attention checks anew. Raises InvalidRecord, StudyFrozen."""
        self._authority.require(session)
        study = self._study(slug)
        self._refuse_same_name(design.name, study.slug)
        chosen = tuple(one for one in DEFAULT_CRITERIA if one.key in design.criteria)
        written = {tag: text.strip() for tag, text in design.instructions.items() if text.strip()}
        plain = (
            "raters_per_item", "items_per_rater", "planned_items", "target_difference", "check_every", "repeat_after",
            "failed_share", "lease_minutes", "consent", "background", "crowd", "materials", "qualification",
            "preferences", "error_spans", "quotas", "balance_groups", "stopping",
        )  # fmt: skip
        revised = self._store.revise_study(
            study.id,
            NewStudy(
                slug=study.slug,
                name=design.name.strip(),
                task=design.task.strip(),
                instructions=written or dict(study.instructions),
                criteria=(*chosen, *own_criteria(design.own_criteria)),
                **{name: getattr(design, name) for name in plain},
            ),
        )
        self._store.make_checks(study.id)
        return revised

    def make_checks(self, session: object, slug: object) -> int:
        """Makes the attention checks of a draft. Raises StudyFrozen, StudyNotReady."""
        self._authority.require(session)
        return self._store.make_checks(self._study(slug).id)

    def open(self, session: object, slug: object) -> Study:
        """Opens a draft and freezes it. Raises StudyFrozen, StudyNotReady, also for what was never written."""
        self._authority.require(session)
        study = self._study(slug)
        unwritten = placeholders(study)
        if unwritten and study.frozen_at is None:
            raise StudyNotReady(
                f"The study cannot open yet: the {' and the '.join(unwritten)} that raters read are not written; write them "
                "in step 2 and save the design.",
                "not_ready",
                name=study.name,
                what=[InvalidRecord(one, f"lacks_{one}") for one in unwritten],
            )
        return self._store.open_study(study.id)

    def preview(self, session: object, slug: object, language: object) -> str:
        """What a link ends in that shows the study on the raters' page as raters of this language see it; nothing done
        there is stored. Raises InvalidRecord.
        """
        self._authority.require(session)
        study = self._study(slug)
        languages = self._store.languages(study.id)
        if not isinstance(language, str) or language not in languages:
            raise InvalidRecord(
                "Choose a language that there are outputs in; this study has " + (", ".join(languages) or "none") + ".",
                "not_rated_in",
                language=language,
                offered=languages,
            )
        return f"rate?study={study.slug}#rater={self._previews.open(study.id, language)}"

    def set_state(self, session: object, slug: object, state: StudyState) -> Study:
        """Closes, opens again or withdraws. Raises StudyClosed."""
        self._authority.require(session)
        study = self._study(slug)
        if study.frozen_at is None:
            raise InvalidRecord("This study is a draft; open it first.", "draft")
        return self._store.set_study_state(study.id, state)

    def publish(self, session: object, slug: object, typed: str) -> Study:
        """Opens the results of a closed study to everybody, if its name was typed. Raises InvalidRecord, StudyClosed."""
        self._authority.require(session)
        return self._store.publish_study(self._study(slug).id, typed or "")

    def unpublish(self, session: object, slug: object) -> Study:
        """Takes published results back. Raises InvalidRecord."""
        self._authority.require(session)
        return self._store.unpublish_study(self._study(slug).id)

    def invite(
        self, session: object, slug: object, tag: str, max_uses: int, days: float | None
    ) -> tuple[Invitation, str]:
        """An invitation for ``max_uses`` raters, and what its link ends in, which cannot be shown again."""
        self._authority.require(session)
        study = self._study(slug)
        invitation, token = self._store.new_invitation(study.id, tag, max_uses, ends_after(days))
        return invitation, path_of(study.slug, token)

    def invite_many(self, session: object, slug: object, tag: str, count: int, days: float | None, root: str) -> Path:
        """Links for one rater each, as a CSV file whose links begin with ``root``; they cannot be shown again.

        Raises InvalidRecord, StudyClosed.
        """
        self._authority.require(session)
        study = self._study(slug)
        made = self._store.new_links(study.id, tag, count, ends_after(days))
        links = [(one, f"{root}/{path_of(study.slug, token)}") for one, token in made]
        return write_links(fresh_folder(self._folder) / f"links-{study.slug}-{tag}.csv", links)

    def exclude(self, session: object, slug: object, pseudonym: str, reason: str) -> None:
        """Leaves one rater out of all results, with the reason; her data stays. Raises InvalidRecord, UnknownRater."""
        self._authority.require(session)
        if not pseudonym or not (reason or "").strip():
            raise InvalidRecord(
                "Choose a rater and write why she is left out; the reason stands in the report.", "need_reason"
            )
        self._store.exclude_rater(self._study(slug).id, pseudonym, reason)

    def include(self, session: object, slug: object, pseudonym: str) -> None:
        """Takes an exclusion back. Raises UnknownRater."""
        self._authority.require(session)
        self._store.include_rater(self._study(slug).id, pseudonym)

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
            raise InvalidRecord(
                f"Type {pseudonym or 'the name of a rater'} to confirm; nothing was removed.",
                "confirm_rater",
                rater=pseudonym or "–",
            )
        gone = self._store.remove_rater(self._study(slug).id, pseudonym)
        return gone, self._backups.forget() if self._backups else None

    def export(self, session: object, slug: object) -> Path:
        """Tables, codebook, report and datasheet, as one zip file under a name that cannot be guessed."""
        self._authority.require(session)
        study = self._study(slug)
        return write_archive(self._store, study, fresh_folder(self._folder))

    def _study(self, slug: object) -> Study:
        if not isinstance(slug, str) or slug == self._collection:
            raise UnknownStudy("No study is chosen; choose one above, or make one.", "no_study")
        return self._store.study(slug)

    def _free_slug(self, name: str) -> str:
        plain = "".join(one if one.isascii() and one.isalnum() else " " for one in (name or "").lower()).split()
        base = "-".join(plain)[:60].strip("-") or "study"
        taken = {one.slug for one in self._store.studies()}
        return next(slug for slug in (base, *(f"{base}-{n}" for n in range(2, 10_000))) if slug not in taken)
