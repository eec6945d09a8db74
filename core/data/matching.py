"""Matching of texts: the one normal form in which texts are compared everywhere; texts are stored and shown as they came."""


def normal_form(text: str) -> str:
    """Case-folded text with single spaces, the form in which texts are compared."""
    return " ".join(text.casefold().split())
