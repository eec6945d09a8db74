"""The tab Study without a page: handlers called as the wired page calls them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from study_tables import table

from annotation.criteria import DEFAULT_CRITERIA
from annotation.records import NewStudy
from annotation.store import RatingStore
from app.access.organiser import Authority
from app.rate.preview import Previews
from app.study import drafts, running
from app.study.board import TABLE
from app.study.form import STEPS, StudyForm
from app.study.service import StudyService
from app.study.updates import DESIGN, StudyTab

SECRET = "a secret of some length"
REQUEST: Any = SimpleNamespace(
    headers={"origin": "https://lab.example"}, request=SimpleNamespace(scope={"root_path": "/agl"})
)


class Names(dict[str, str]):
    """Stands for components: each is its own name."""

    def __missing__(self, name: str) -> str:
        return name


class Page:
    """The tab over a store in memory, with a session; calls handlers as the wired page does."""

    def __init__(self, folder: Path) -> None:
        self.store = RatingStore.open("sqlite://")
        self.store.ensure_study(NewStudy("explore", "E", "mixed", {"en": "Rate."}, DEFAULT_CRITERIA))
        authority = Authority(SECRET)
        self.previews = Previews()
        service = StudyService(self.store, authority, folder / "out", "explore", previews=self.previews)
        form = StudyForm(Names(), {name: f"panel {name}" for name in ("summary", *STEPS, "power", "preview")})
        form.notes = {name: f"note {name}" for name in STEPS}
        parts: dict[str, Any] = {
            name: name for name in ("note", "locked", "unlocked", "session", "typed", "language_before", "pending")
        }
        self.tab = StudyTab(service, authority, lambda _: "me", lambda _: None, form, **parts)
        self.session = authority.unlock(SECRET)
        self.folder = folder

    def create(self, name: str = "News") -> dict[Any, Any]:
        file = str(table(self.folder, 6))
        return drafts.create(self.tab, self.session, "", "en", name, TABLE, file, None, 0)

    def save(self, slug: str = "news", typed: dict[str, str] | None = None, **changes: Any) -> dict[Any, Any]:
        plain = {
            "name": "News", "task": "Say what happened.", "raters": 2, "cap": 0, "planned": 0, "difference": 0.3, "every": 8,
            "after": 5, "share": 0.5, "lease": 45, "criteria": ["fluency"], "own": "", "instructions": "Read, then rate.",
            "consent": "", "consent_version": "1", "background": "", "completion_code": "", "screen_out_code": "",
            "parameter": "PROLIFIC_PID", "redirect": "", "exercises": "", "pass_share": 0.7, "tries": 2, "materials": ["reference"],
            "preferences": [], "own_preferences": "", "error_spans": False, "quotas": "",
            "balance_groups": False, "stop_looks": 0, "stop_criterion": "fluency",
        }  # fmt: skip
        values = plain | changes
        fields = [values[name] for name in (*DESIGN, "instructions")]
        return drafts.save(self.tab, self.session, slug, "en", typed or {}, "en", *fields)

    def base(self, slug: str = "news") -> tuple[StudyTab, str, str, str]:
        return self.tab, self.session, slug, "en"


def value(update: Any) -> Any:
    return update["value"] if isinstance(update, dict) else update


def opened(page: Page) -> str:
    page.create()
    page.save()
    running.open_study(*page.base(), "News")
    return "news"
