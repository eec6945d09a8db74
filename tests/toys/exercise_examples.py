"""Practice and a test in English and Arabic on three scales."""

from annotation.qualification_records import Exercise, Qualification

TEXTS = {
    "en": ("The player scored in the last minute.", "Goal the minute at last.", "Fluent, but it drops the player."),
    "ar": ("سجل اللاعب في الدقيقة الأخيرة.", "هدف الدقيقة في الأخيرة.", "سليمة لغويًا، لكنها تُسقط اللاعب."),
}


def exercises(language: str) -> list[Exercise]:
    good, bad, why = TEXTS[language]
    source = "Le joueur a marqué."
    return [
        Exercise(
            f"p1_{language}", "practice", language, source, good, {"fluency": (4, 5), "quality": (60, 100)}, why, "fr"
        ),
        Exercise(f"p2_{language}", "practice", language, source, bad, {"politeness": (3, 3)}, why, "fr"),
        Exercise(f"t1_{language}", "test", language, source, bad, {"fluency": (1, 2)}, why, "fr"),
        Exercise(f"t2_{language}", "test", language, source, good, {"fluency": (4, 5)}, why, "fr"),
    ]


MADE = Qualification((*exercises("en"), *exercises("ar")), pass_share=1.0, tries=2)
