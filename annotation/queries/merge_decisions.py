"""Late decisions of adjudicators from another writer, merged by what they mean.

An adjudicator is the same where her seed is, which her row has had from the state that both writers went on from, or else where
her name is; a case is the same for one adjudicator, item and language; a decision by its id. Row numbers that were given out
since stand for different rows in each writer and are mapped. A removal there removes what was merged of her.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotation.database.adjudication_tables import AdjudicationCaseRow, AdjudicationSubmissionRow, AdjudicatorRow
from annotation.database.tables import ItemRow
from annotation.queries.adjudicators import remove_adjudicator
from annotation.queries.images import Image, Images, row_of, time_of
from annotation.queries.versions import ADJUDICATED_MARKINGS, ADJUDICATED_ORDERS, ADJUDICATIONS, AnswerKind, write

KINDS = (ADJUDICATIONS, ADJUDICATED_ORDERS, ADJUDICATED_MARKINGS)
TABLES = {"adjudicator", "adjudication_case", "adjudication_submission"} | {
    row.__tablename__ for kind in KINDS for row in (kind.row, kind.history)
}


@dataclass
class DecisionMerge:
    """Row numbers of the other writer -> ours, and what its decisions came to."""

    session: Session
    adjudicators: dict[int, int | None] = field(default_factory=dict)  # None: removed here, and stays so
    cases: dict[int, int] = field(default_factory=dict)
    orders: dict[int, list[int]] = field(default_factory=dict)  # systems of the other writer's case, as shown there
    added: int = 0
    present: int = 0
    left_out: int = 0

    def take(self, images: Images) -> None:
        """All of one change."""
        for image in images.get("adjudicator", []):
            self._adjudicator(image)
        for image in images.get("adjudication_case", []):
            self._case(image)
        for image in images.get("adjudication_submission", []):
            self._decision(image, images)

    def _adjudicator(self, image: Image) -> None:
        """Ours, made if need be; her removal there is one here. The link that she got last there works here too."""
        of_study = select(AdjudicatorRow).where(AdjudicatorRow.study_id == image["study_id"])
        created = time_of(image["created_at"])
        row = self.session.scalar(
            of_study.where(AdjudicatorRow.seed == image["seed"], AdjudicatorRow.created_at == created)
        )
        if image["removed_at"] is not None:
            if row is not None and row.removed_at is None:
                remove_adjudicator(self.session, time_of(image["removed_at"]), row.study_id, row.id)
        elif row is not None and row.removed_at is None:
            row.token_sha256 = image["token_sha256"]
        elif row is None:
            row = self.session.scalar(of_study.where(AdjudicatorRow.name == image["name"]))
            if row is None:
                row = row_of(AdjudicatorRow, image)
                self.session.add(row)
        self.session.flush()
        self.adjudicators[image["id"]] = None if row is None or row.removed_at is not None else row.id

    def _ours(self, number: int) -> int | None:
        """Our number of an adjudicator who may still decide."""
        if number in self.adjudicators:
            return self.adjudicators[number]
        row = self.session.get(AdjudicatorRow, number)
        return None if row is None or row.removed_at is not None else row.id

    def _case(self, image: Image) -> None:
        """Ours of the same adjudicator, item and language, made if need be, after those that she has."""
        adjudicator = self._ours(image["adjudicator_id"])
        if adjudicator is None or self.session.get(ItemRow, image["item_id"]) is None:
            return
        hers = AdjudicationCaseRow.adjudicator_id == adjudicator
        same = (AdjudicationCaseRow.item_id == image["item_id"], AdjudicationCaseRow.language == image["language"])
        row = self.session.scalar(select(AdjudicationCaseRow).where(hers, *same))
        if row is None:
            last = self.session.scalar(select(func.max(AdjudicationCaseRow.position)).where(hers)) or 0
            made = {"adjudicator_id": adjudicator, "position": last + 1, "revision": 0, "reason": None}
            row = row_of(AdjudicationCaseRow, image, **made)
            self.session.add(row)
            self.session.flush()
        self.cases[image["id"]] = row.id
        self.orders[image["id"]] = json.loads(image["system_order"])

    def _decision(self, image: Image, images: Images) -> None:
        """One press of the button with all it stored; nothing if it is there, or its adjudicator or case is gone."""
        if self.session.get(AdjudicationSubmissionRow, image["submission_id"]) is not None:
            self.present += 1
            return
        ours = self.cases.get(image["case_id"])  # its image came along, for a decision changes it
        case = None if ours is None else self.session.get(AdjudicationCaseRow, ours)
        if case is None:
            self.left_out += 1
            return
        now = time_of(image["received_at"])
        newer = self._newer_reason(case, now)
        made = {"case_id": case.id, "revision": case.revision + 1}
        self.session.add(row_of(AdjudicationSubmissionRow, image, **made))
        self.session.flush()
        for kind in KINDS:
            for answer in images.get(kind.row.__tablename__, []):
                if answer["submission_id"] == image["submission_id"]:
                    self._write(kind, case, answer, now)
        if image["reason"] is not None and not newer:
            case.reason = image["reason"] or None
        case.revision += 1
        self.session.flush()
        self.added += 1

    def _newer_reason(self, case: AdjudicationCaseRow, now: datetime) -> bool:
        of_case = select(AdjudicationSubmissionRow.submission_id).where(AdjudicationSubmissionRow.case_id == case.id)
        later = of_case.where(
            AdjudicationSubmissionRow.reason.is_not(None), AdjudicationSubmissionRow.received_at >= now
        )
        return self.session.scalar(later.limit(1)) is not None

    def _write(self, kind: AnswerKind, case: AdjudicationCaseRow, image: Image, now: datetime) -> None:
        """The answer with its history; of two answers the later one counts."""
        values = {**image, "adjudicator_id": case.adjudicator_id, "case_id": case.id}
        value = json.loads(image[kind.value]) if kind.value in ("ranks", "spans") else image[kind.value]
        if kind is ADJUDICATED_ORDERS:  # ranks stand in the order in which systems were shown
            there = self.orders.get(image["case_id"], case.system_order)
            value = [dict(zip(there, value, strict=True))[output] for output in case.system_order]
        beside = {} if kind is ADJUDICATED_ORDERS else {"case_id": case.id}
        name = tuple(values[column] for column in kind.names)
        write(self.session, kind, {name: value}, image["submission_id"], now, beside=beside, merging=True)
