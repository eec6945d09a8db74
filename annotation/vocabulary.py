"""The fixed words of the database: states, kinds, reasons. Changing one needs a migration."""

from typing import Literal

StudyState = Literal["draft", "open", "closed", "withdrawn"]
AssignmentState = Literal["pending", "done", "skipped"]
ItemKind = Literal["normal", "degraded", "repeat"]
Degradation = Literal["shuffled", "truncated", "foreign"]
Proficiency = Literal["native", "fluent", "good", "basic"]
Material = Literal["reference", "context"]

STUDY_STATES: tuple[StudyState, ...] = ("draft", "open", "closed", "withdrawn")
ASSIGNMENT_STATES: tuple[AssignmentState, ...] = ("pending", "done", "skipped")
ITEM_KINDS: tuple[ItemKind, ...] = ("normal", "degraded", "repeat")  # the last two are attention checks
DEGRADATIONS: tuple[Degradation, ...] = (
    "shuffled",  # its words (characters where a language has no spaces) in another order
    "truncated",  # its first third
    "foreign",  # what was said about another item
)
MATERIALS: tuple[Material, ...] = ("reference", "context")  # what a design may show raters beside the source text
PROFICIENCIES: tuple[Proficiency, ...] = ("native", "fluent", "good", "basic")  # as a rater says of herself
CRITERION_KEYS: tuple[str, ...] = ("fluency", "relevance", "correctness")  # the default; a study may have others
SKIP_REASONS: tuple[str, ...] = (
    "not_my_language",  # she does not read one of the languages well enough
    "source_unclear",  # the input itself makes no sense
    "output_unreadable",  # wrong script, broken characters
    "lacks_knowledge",  # would need to know the subject
    "offensive",  # does not want to deal with the content
    "technical",  # the page or the display failed
    "other",  # said in the comment
)
