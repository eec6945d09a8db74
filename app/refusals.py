"""What was refused, in the words of the interface: an error that names its fact is told by the catalogue's sentence of that fact."""

from collections.abc import Sequence

from annotation.errors import AnnotationError, DatabaseUnavailable
from app.texts import Texts


def in_words(error: Exception, texts: Texts) -> str:
    """The sentence for an error, in the language of ``texts``; its own English one where the catalogue knows no fact of its name.

    A fact may hold errors in turn (a line of a table and what is wrong there); they are told in the same language.
    """
    fact = "unavailable" if isinstance(error, DatabaseUnavailable) else getattr(error, "fact", None)
    if fact is None or not texts.knows(f"refusal.{fact}"):
        return str(error)
    values = error.values if isinstance(error, AnnotationError) else {}
    return texts(f"refusal.{fact}", **{name: _words(value, texts) for name, value in values.items()})


def _words(value: object, texts: Texts) -> object:
    if isinstance(value, Exception):
        return in_words(value, texts).rstrip(".")
    if isinstance(value, Sequence) and not isinstance(value, str):
        joint = "; " if any(isinstance(one, Exception) for one in value) else ", "
        return joint.join(str(_words(one, texts)) for one in value)
    return value
