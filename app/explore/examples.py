"""Ready questions whose right answers are known, and the right answer of any bundled sentence."""

from functools import lru_cache

from app.explore.form import Form
from core.records import Prediction
from core.workbench import POOL_OF_TASK, bundled_examples

ITEMS = (  # task, language, item; the first opens the page
    ("topic", "swh_Latn", "topic-002"),
    ("topic", "arb_Arab", "topic-013"),
    ("topic", "zho_Hans", "topic-008"),
    ("topic", "hin_Deva", "topic-005"),
    ("sentiment", "fra_Latn", "sentiment-002"),
    ("sentiment", "jpn_Jpan", "sentiment-001"),
    ("topic", "rus_Cyrl", "topic-010"),
    ("topic", "yor_Latn", "topic-009"),
    ("sentiment", "urd_Arab", "sentiment-004"),
    ("translation", "spa_Latn", "topic-016"),
    ("topic", "tam_Taml", "topic-014"),
)
ANSWERS = ("eng_Latn", "arb_Arab", "zho_Hans", "fra_Latn", "hin_Deva")  # beside the query's own


@lru_cache(maxsize=1)
def examples() -> tuple[Form, ...]:
    """Ready questions, one script after another, drawn from the bundled sentences."""
    forms = []
    for task, code, item in ITEMS:
        text = next(e.text for e in bundled_examples(POOL_OF_TASK[task]) if e.item == item and e.language == code)
        targets = tuple(dict.fromkeys([code, *ANSWERS]))
        chosen = tuple(target for target in targets if target != code)[:3] if task == "translation" else targets
        forms.append(Form(text, code, task, chosen))
    return tuple(forms)


@lru_cache(maxsize=8)
def _labels(pool: str) -> dict[tuple[str, str], str]:
    return {(example.language, example.text): example.label for example in bundled_examples(pool)}


def gold_label(prediction: Prediction) -> str | None:
    """The right label where the query is a bundled sentence of a task with labels; None where nobody knows it."""
    if prediction.task not in ("topic", "sentiment"):
        return None
    return _labels(POOL_OF_TASK[prediction.task]).get((prediction.query.language, prediction.query.text))
