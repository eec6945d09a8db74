"""What a criterion is called, in the language of a page."""

from annotation.criteria import text_for
from annotation.records import Criterion
from app.texts import Texts


def criterion_label(criterion: Criterion, texts: Texts) -> str:
    """The study's own name for it, else the catalogue's, which knows the three default ones, else its key."""
    if criterion.label:
        return text_for(criterion.label, texts.tag)
    key = f"criteria.{criterion.key}"
    return texts(key) if texts.knows(key) else criterion.key
