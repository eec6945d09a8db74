"""References and document context: in the table, in the design, before raters where the design says so, in exports and the datasheet."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rating_examples import new_study
from starlette.applications import Starlette
from starlette.testclient import TestClient
from study_tables import table

from annotation.errors import InvalidRecord
from annotation.export.files import codebook
from annotation.records import Study
from annotation.report.heds import to_heds
from annotation.report.results import make_report
from annotation.store import RatingStore
from annotation.vocabulary import MATERIALS, Material
from app.rate.preview import Previews
from app.rate.routes import rater_routes
from app.study.sources import from_table


def opened(store: RatingStore, folder: Path, *materials: Material) -> Study:
    draft = store.create_study(replace(new_study(f"with-{len(materials)}"), materials=materials))
    taken = from_table(table(folder, 2, reference="the gold answer", context="the page before"), "", None, 0)
    store.add_outputs(draft.id, taken.outputs)
    return store.open_study(draft.id)


def item_of(store: RatingStore, study: Study, previews: Previews, *, preview: bool) -> dict[str, object]:
    http = TestClient(Starlette(routes=rater_routes(store, previews=previews)))
    invitation = store.new_invitation(study.id, "sw")[1]
    token = previews.open(study.id, "sw") if preview else store.accept_invitation(study.id, invitation)[1]
    answer = http.post("/rate/next", content=json.dumps({}), headers={"Authorization": f"Bearer {token}"})
    return dict(answer.json()["item"])


@pytest.mark.parametrize("preview", [False, True])
def test_raters_see_what_the_design_names_and_nothing_else(tmp_path: Path, preview: bool) -> None:
    with RatingStore.open(tmp_path / "ratings.db") as store:
        plain = item_of(store, opened(store, tmp_path), Previews(), preview=preview)
        assert (plain["reference"], plain["context"]) == (None, None)
        both = item_of(store, opened(store, tmp_path, *MATERIALS), Previews(), preview=preview)
        assert both["reference"] == {"text": "the gold answer", "lang": "sw", "dir": "ltr"}
        assert both["context"] == {"text": "the page before", "lang": "sw", "dir": "ltr"}


def test_the_design_is_in_the_codebook_the_datasheet_and_a_clone(tmp_path: Path) -> None:
    with RatingStore.open(tmp_path / "ratings.db") as store:
        study = opened(store, tmp_path, "context")
        assert study.materials == ("context",)
        book = codebook(study, {}, study.created_at)
        assert book["study"]["design"]["materials"] == ["context"]
        data = store.data(study.id)
        assert {one.context for one in data.outputs} == {"the page before"}
        sheet = to_heds(make_report(study, data, study.created_at), data)
        assert "raters were also shown the context of its document" in sheet
        twin = store.clone_study(study.id, "twin", "Twin")
        assert twin.materials == ("context",)
        assert {one.context for one in store.outputs(twin.id)} == {"the page before"}
        with pytest.raises(InvalidRecord, match="allowed are reference, context"):
            store.create_study(replace(new_study("other"), materials=("gold",)))  # type: ignore[arg-type]
