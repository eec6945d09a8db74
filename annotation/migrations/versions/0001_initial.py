"""First schema: studies, items, outputs, raters, assignments, ratings with history, skips.

CHECK constraints stand here by hand as well as in `models`: autogenerate never compares them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates all tables."""
    _create_study()
    _create_what_is_rated()
    _create_who_rates()
    _create_ratings()
    _create_what_else_was_said()


def _create_study() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("instructions", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("raters_per_item", sa.Integer(), nullable=False),
        sa.Column("lease_minutes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('draft', 'open', 'closed')", name=op.f("ck_study_state")),
        sa.CheckConstraint("lease_minutes >= 1", name=op.f("ck_study_lease_minutes")),
        sa.CheckConstraint("raters_per_item >= 1", name=op.f("ck_study_raters_per_item")),
        sa.PrimaryKeyConstraint("id", name="pk_study"),
        sa.UniqueConstraint("slug", name="uq_study_slug"),
    )
    op.create_table(
        "criterion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("question", sa.JSON(), nullable=False),
        sa.Column("anchors", sa.JSON(), nullable=False),
        sa.CheckConstraint("key IN ('fluency', 'relevance', 'correctness')", name=op.f("ck_criterion_key")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_criterion_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_criterion"),
        sa.UniqueConstraint("study_id", "key", name="uq_criterion_study_id_key"),
        sa.UniqueConstraint("study_id", "place", name="uq_criterion_study_id_place"),
    )
    op.create_table(
        "system",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_system_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_system"),
        sa.UniqueConstraint("study_id", "key", name="uq_system_study_id_key"),
    )


def _create_what_is_rated() -> None:
    op.create_table(
        "item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("source_text", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_item_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_item"),
        sa.UniqueConstraint("study_id", "key", name="uq_item_study_id_key"),
    )
    op.create_table(
        "output",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name="fk_output_item_id"),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name="fk_output_system_id"),
        sa.PrimaryKeyConstraint("id", name="pk_output"),
        sa.UniqueConstraint("item_id", "system_id", "language", name="uq_output_item_id_system_id_language"),
    )
    op.create_index("ix_output_system_id", "output", ["system_id"], unique=False)


def _create_who_rates() -> None:
    op.create_table(
        "rater",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("pseudonym", sa.String(length=32), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tombstoned_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("length(token_sha256) = 64", name=op.f("ck_rater_token_sha256")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_rater_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_rater"),
        sa.UniqueConstraint("study_id", "pseudonym", name="uq_rater_study_id_pseudonym"),
        sa.UniqueConstraint("token_sha256", name="uq_rater_token_sha256"),
    )
    op.create_table(
        "assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("system_order", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_shown_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.CheckConstraint("state <> 'done' OR place IS NOT NULL", name=op.f("ck_assignment_done_holds_place")),
        sa.CheckConstraint("state IN ('pending', 'done', 'skipped')", name=op.f("ck_assignment_state")),
        sa.CheckConstraint("place >= 1", name=op.f("ck_assignment_place")),
        sa.CheckConstraint("position >= 1", name=op.f("ck_assignment_position")),
        sa.CheckConstraint("seconds >= 0", name=op.f("ck_assignment_seconds")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name="fk_assignment_item_id"),
        sa.ForeignKeyConstraint(["rater_id"], ["rater.id"], name="fk_assignment_rater_id"),
        sa.PrimaryKeyConstraint("id", name="pk_assignment"),
        sa.UniqueConstraint("item_id", "language", "place", name="uq_assignment_place"),
        sa.UniqueConstraint("rater_id", "item_id", name="uq_assignment_rater_id_item_id"),
        sa.UniqueConstraint("rater_id", "position", name="uq_assignment_rater_id_position"),
    )
    op.create_index("ix_assignment_state_lease_expires_at", "assignment", ["state", "lease_expires_at"], unique=False)


def _create_ratings() -> None:
    op.create_table(
        "submission",
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(content_sha256) = 64", name=op.f("ck_submission_content_sha256")),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignment.id"], name="fk_submission_assignment_id"),
        sa.ForeignKeyConstraint(["rater_id"], ["rater.id"], name="fk_submission_rater_id"),
        sa.PrimaryKeyConstraint("submission_id", name="pk_submission"),
    )
    op.create_index("ix_submission_assignment_id", "submission", ["assignment_id"], unique=False)
    op.create_index("ix_submission_rater_id", "submission", ["rater_id"], unique=False)
    op.create_table(
        "rating",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("output_id", sa.Integer(), nullable=False),
        sa.Column("criterion_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_rating_revision")),
        sa.CheckConstraint("value IN (1, 2, 3, 4, 5)", name=op.f("ck_rating_value")),
        sa.ForeignKeyConstraint(["criterion_id"], ["criterion.id"], name="fk_rating_criterion_id"),
        sa.ForeignKeyConstraint(["output_id"], ["output.id"], name="fk_rating_output_id"),
        sa.ForeignKeyConstraint(["rater_id"], ["rater.id"], name="fk_rating_rater_id"),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.submission_id"], name="fk_rating_submission_id"),
        sa.PrimaryKeyConstraint("id", name="pk_rating"),
        sa.UniqueConstraint("rater_id", "output_id", "criterion_id", name="uq_rating_rater_id_output_id_criterion_id"),
    )
    op.create_index("ix_rating_output_id", "rating", ["output_id"], unique=False)


def _create_what_else_was_said() -> None:
    op.create_table(
        "rating_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rating_id", sa.Integer(), nullable=False),
        sa.Column("old_value", sa.Integer(), nullable=True),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("old_value IN (1, 2, 3, 4, 5)", name=op.f("ck_rating_history_old_value")),
        sa.CheckConstraint("value IN (1, 2, 3, 4, 5)", name=op.f("ck_rating_history_value")),
        sa.ForeignKeyConstraint(["rating_id"], ["rating.id"], name="fk_rating_history_rating_id"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.submission_id"], name="fk_rating_history_submission_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_rating_history"),
        sa.UniqueConstraint("rating_id", "revision", name="uq_rating_history_rating_id_revision"),
    )
    op.create_table(
        "skip",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('not_my_language', 'source_unclear', 'output_unreadable', 'lacks_knowledge', "
            "'offensive', 'technical', 'other')",
            name=op.f("ck_skip_reason"),
        ),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignment.id"], name="fk_skip_assignment_id"),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.submission_id"], name="fk_skip_submission_id"),
        sa.PrimaryKeyConstraint("id", name="pk_skip"),
        sa.UniqueConstraint("submission_id", name="uq_skip_submission_id"),
    )
    op.create_index("ix_skip_assignment_id", "skip", ["assignment_id"], unique=False)


def downgrade() -> None:
    """Drops all tables, and with them all ratings. Nothing in this program calls it."""
    for table in (
        "rating_history",
        "skip",
        "rating",
        "submission",
        "output",
        "assignment",
        "system",
        "rater",
        "item",
        "criterion",
        "study",
    ):
        op.drop_table(table)
