"""What a published study shows to everybody: ratings and texts, without comments, times and what raters said of themselves.

Comments are free text in which people write about themselves; times can tell who rated when; an order of acceptance is a
time too. Organisers see all of it.
"""

PRIVATE_COLUMNS = frozenset(
    {
        "comment",
        "decision_reason",
        "adjudicator",
        "seconds",
        "first_shown_at",
        "created_at",
        "updated_at",
        "recorded_at",
        "joined_at",
        "removed_at",
        "excluded_at",
        "exclusion_reason",
        "consented_at",
        "screened_out_at",
        "test_tries",
        "test_share",
        "test_passed",
        "submission_id",
        "participant",
        "invitation",
        "background",
        "proficiency",
        "position",
    }
)
PRIVATE_TABLES = frozenset(  # the order in which values were accepted
    {
        "history",
        "preference_history",
        "span_history",
        "adjudication_history",
        "adjudicated_orders",
        "adjudicated_spans",
    }
)
