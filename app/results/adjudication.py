"""What an organiser does about disagreements, without gradio: choose items, name who decides, remove her. Checked at every call."""

from collections.abc import Sequence

from annotation.adjudication_records import Adjudicator
from annotation.backup.rounds import Backups
from annotation.errors import InvalidRecord, UnknownStudy
from annotation.records import Study, StudyData
from annotation.store import RatingStore
from app.results.disagreements import Reading, readings
from app.results.ratings import Authority

MOST_LISTED = 500  # items to choose from one by one; the widest spread comes first


def case_id(one: Reading) -> str:
    """An item in a language as one value of a list."""
    return f"{one.language} {one.item_key}"


def _differing(study: Study, data: StudyData) -> list[Reading]:
    """The rated items that are listed, those first on which raters differ most."""
    return [one for one in readings(study, data) if one.disagreement is not None][:MOST_LISTED]


class AdjudicationService:
    """Serves organisers, and nobody else."""

    def __init__(self, store: RatingStore, authority: Authority | None = None, backups: Backups | None = None) -> None:
        self._store, self._authority, self._backups = store, authority, backups

    def cases(self, session: object, slug: object) -> tuple[Study, list[Reading]]:
        """A study and its rated items, those first on which raters differ most. Raises AnnotationError."""
        study = self._study(session, slug)
        return study, _differing(study, self._store.data(study.id))

    def widest(self, session: object, slug: object, count: int) -> list[str]:
        """The items with the widest spread that nobody adjudicates yet."""
        study = self._study(session, slug)
        data = self._store.data(study.id)
        decided = {(one.item_key, one.language) for one in data.decisions}
        open_cases = [one for one in _differing(study, data) if (one.item_key, one.language) not in decided]
        return [case_id(one) for one in open_cases[: max(0, count)]]

    def name(self, session: object, slug: object, name: str, chosen: Sequence[str]) -> tuple[Adjudicator, str, int]:
        """Gives items to whoever bears the name; her record, what her link ends in, and how many items are new to her."""
        study = self._study(session, slug)
        items = [(key, tag) for tag, _, key in (one.partition(" ") for one in chosen)]
        who, token, added = self._store.name_adjudicator(study.id, name, items)
        return who, f"rate?study={study.slug}#rater={token}", added

    def named(self, session: object, slug: object) -> list[Adjudicator]:
        """Who adjudicates the study."""
        return self._store.adjudicators(self._study(session, slug).id)

    def remove(self, session: object, slug: object, name: str) -> int:
        """Removes an adjudicator with all she decided, from the backups too, if her name was typed as it is."""
        named = {one.name: one for one in self.named(session, slug)}
        who = named.get((name or "").strip())
        if who is None:
            raise InvalidRecord(
                f"Type the name of an adjudicator to remove her; there are {', '.join(named) or 'none'}.",
                "no_adjudicator",
            )
        count = self._store.remove_adjudicator(who.study_id, who.id)
        if self._backups is not None:
            self._backups.forget()
        return count

    def _study(self, session: object, slug: object) -> Study:
        if self._authority is None:
            raise UnknownStudy("Only an organiser names adjudicators, and this page has none.")
        self._authority.require(session)
        if not isinstance(slug, str) or not slug:
            raise UnknownStudy("No study is chosen; choose one above.", "no_study")
        return self._store.study(slug)
