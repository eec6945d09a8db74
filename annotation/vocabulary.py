"""The fixed words of the database: states, criteria, reasons, scale. Changing one needs a migration."""

from typing import Literal

StudyState = Literal["draft", "open", "closed"]
AssignmentState = Literal["pending", "done", "skipped"]

STUDY_STATES: tuple[StudyState, ...] = ("draft", "open", "closed")
ASSIGNMENT_STATES: tuple[AssignmentState, ...] = ("pending", "done", "skipped")
CRITERION_KEYS: tuple[str, ...] = ("fluency", "relevance", "correctness")
SKIP_REASONS: tuple[str, ...] = (
    "not_my_language",  # she does not read one of the languages well enough
    "source_unclear",  # the input itself makes no sense
    "output_unreadable",  # wrong script, broken characters
    "lacks_knowledge",  # would need to know the subject
    "offensive",  # does not want to deal with the content
    "technical",  # the page or the display failed
    "other",  # said in the comment
)
SCALE: tuple[int, ...] = (1, 2, 3, 4, 5)
