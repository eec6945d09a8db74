"""What a criterion, or what answers are compared on, is called in the language of a page."""

from annotation.criteria import text_for
from annotation.preference_records import PreferenceQuestion
from annotation.records import Criterion
from app.texts import Texts


def criterion_label(criterion: Criterion, texts: Texts) -> str:
    """The study's own name for it, else the catalogue's, which knows the three default ones, else its key."""
    return _label(criterion, texts)


def question_label(question: PreferenceQuestion, texts: Texts) -> str:
    """The same of what answers are compared on."""
    return _label(question, texts)


def _label(named: Criterion | PreferenceQuestion, texts: Texts) -> str:
    if named.label:
        return text_for(named.label, texts.tag)
    key = f"criteria.{named.key}"
    return texts(key) if texts.knows(key) else named.key
