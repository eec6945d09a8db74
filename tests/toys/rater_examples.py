"""A small study for tests of the rating page: three items, two systems each, in several languages."""

from collections.abc import Sequence

from annotation.criteria import DEFAULT_CRITERIA
from annotation.records import Criterion, NewOutput, NewStudy, Study
from annotation.store import RatingStore

SYSTEMS = ("agl|k=4", "knn|k=4")
TEXTS = {
    "en": ("The player scored the winning goal in the last minute.", "The striker decided the match at its very end."),
    "ar": ("سجل اللاعب هدف الفوز في الدقيقة الأخيرة.", "أحرز المهاجم الهدف الحاسم في نهاية المباراة."),
    "ur": ("کھلاڑی نے آخری منٹ میں فیصلہ کن گول کیا۔", "میچ کے بالکل آخر میں جیت کا گول ہوا۔"),
    "am": ("ተጫዋቹ በመጨረሻው ደቂቃ የማሸነፊያውን ጎል አስቆጠረ።", "አጥቂው በጨዋታው መጨረሻ ወሳኙን ግብ አስቆጠረ።"),
    "sw": ("Mchezaji alifunga bao la ushindi dakika ya mwisho.", "Mshambuliaji alipata bao mwishoni mwa mechi."),
    "zh": ("球员在最后一分钟打进制胜球。", "前锋在比赛结束前踢进了关键一球。"),
}


def make_study(
    store: RatingStore, slug: str = "topics", items: int = 3, criteria: Sequence[Criterion] = DEFAULT_CRITERIA
) -> Study:
    """An open study whose outputs differ by system and by language."""
    study = store.ensure_study(
        NewStudy(slug, "Everyday topics", "translation", {"en": "Read with care."}, criteria, raters_per_item=3)
    )
    outputs = [
        NewOutput(f"item {number}", "fr", f"Le joueur a marqué ({number}).", "translation", system, tag, text, {"seed": "0"})
        for tag, texts in TEXTS.items()
        for number in range(items)
        for system, text in zip(SYSTEMS, texts, strict=True)
    ]  # fmt: skip
    store.add_outputs(study.id, outputs)
    return study
