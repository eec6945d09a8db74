"""A record that a person opens for herself: read whole, shown to her alone, and refused in one sentence for anything wrong with it."""

import io
import json
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd
import pytest
from app_server import with_event_loop

from app.items.rows import Choice
from app.items.view import items_view
from app.results import uploads
from app.results.experiments import ReportService, report
from app.results.experiments_tab import ExperimentsHandlers, build_experiments
from app.texts import Localised, catalogue
from core.errors import InvalidData

ENTRY = {"command": "python train.py evaluate", "task": "topic", "model": {"name": "embedded"}, "results": []}
QUERY = {"id": "own/0", "item": "own/0", "language": "swh_Latn", "text": "Timu <b>ilishinda</b>.", "label": "sports"}


def answers(**changes: Any) -> pd.DataFrame:
    rows = [
        {"item": f"own/{n}", "id": f"own/{n}", "language": "swh_Latn", "strategy": strategy, "k": k, "seed": 0, "gold": "sports",
         "prediction": "sports" if n < right else "travel", "private": "not for reports"}
        for strategy, k, right in (("agl", 2, 9), ("zero-shot", 0, 3))
        for n in range(12)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**changes)


def parquet(table: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    table.to_parquet(stream, index=False)
    return stream.getvalue()


def files(entry: Any = ENTRY, table: pd.DataFrame | None = None, query: Any = QUERY) -> dict[str, bytes]:
    own = {"record.json": json.dumps(entry).encode(), "queries.jsonl": json.dumps(query).encode() + b"\n"}
    return own | {"items.parquet": parquet(answers() if table is None else table)}


def zipped(path: Path, contents: Mapping[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in contents.items():
            bundle.writestr(name, content)
    return path


@pytest.fixture
def service(tmp_path: Path) -> ReportService:
    return ReportService((tmp_path / "records",), tmp_path / "downloads")


def loose(folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


@pytest.mark.parametrize("kind", ["folder in a zip", "zip", "files"])
def test_a_record_is_shown_whole_with_its_items(service: ReportService, tmp_path: Path, kind: str) -> None:
    if kind == "files":
        name = service.upload(loose(tmp_path / "sent", files()))
    else:
        inside = {f"{'my run/' if kind != 'zip' else ''}{name}": content for name, content in files().items()}
        name = service.upload([zipped(tmp_path / "my-run.zip", inside)])
    assert service.upload_title(name) == f"Evaluation · topic ({'record' if kind == 'files' else 'my-run'})"
    assert "Best of zero-shot, agl: agl, accuracy 75.0" in report(service.document(name))
    items = service.tables.read(name)
    assert items is not None and len(items.table.rows) == 12 and items.table.rows[0].query.text == QUERY["text"]
    shown = items_view(items.table, Choice(), None, catalogue("en"), lambda row: items.openable(row, ["swh_Latn"]))
    assert "Timu &lt;b&gt;ilishinda&lt;/b&gt;." in shown
    assert set(service.files(name)) == {"markdown", "latex", "html"}
    question = items.question("own/0", Choice(), ["swh_Latn"], ["tiny"])
    assert (question.text, question.task, question.strategies) == (QUERY["text"], "topic", ("agl", "zero-shot"))


def test_only_who_knows_its_name_reaches_it_and_forgetting_removes_it(service: ReportService, tmp_path: Path) -> None:
    name, other = (service.upload([zipped(tmp_path / "my.zip", files())]) for _ in range(2))
    assert name != other and len(name) > 32
    assert service.names() == [] and service.titles() == [] and service.boards.all() == {}
    service.forget(name)
    with pytest.raises(InvalidData, match="There is no record"):
        service.document(name)
    assert service.upload_title(name) is None and service.upload_title(other) is not None
    kept = {path.name for path in (tmp_path / "downloads").rglob("*.*")}
    assert kept == {"record.json", "items.parquet", "queries.jsonl"}
    assert "private" not in pd.read_parquet(next((tmp_path / "downloads").rglob("items.parquet")))


def test_no_more_than_so_many_are_open_and_the_oldest_goes(
    service: ReportService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_RECORDS", 2)
    path = zipped(tmp_path / "my.zip", files())
    first, *others = [service.upload([path]) for _ in range(3)]
    assert service.upload_title(first) is None and all(map(service.upload_title, others))
    assert len(list((tmp_path / "downloads").iterdir())) == 2


def test_a_record_without_answers_of_another_kind_is_shown_by_its_tables(
    service: ReportService, tmp_path: Path
) -> None:
    entry = {
        "kind": "sweep",
        "command": "python train.py sweep",
        "tables": {"scores": [{"mode": "<script>", "share": 0.5}]},
    }
    name = service.upload(loose(tmp_path / "sent", {"record.json": json.dumps(entry).encode()}))
    assert "&lt;script&gt;" in report(service.document(name)) and service.tables.read(name) is None


LINK = zipfile.ZipInfo("record.json")
LINK.external_attr = (stat.S_IFLNK | 0o777) << 16
NESTED = ("[" * 100_000).encode()
WRONG: dict[str, tuple[Mapping[Any, bytes], str]] = {
    "no record": ({"items.parquet": parquet(answers())}, "The zip holds no record.json"),
    "two records": ({f"{n}/record.json": b"{}" for n in "ab"}, "The zip holds 2 record.json"),
    "no answers": ({"record.json": json.dumps(ENTRY).encode()}, "There is no items.parquet"),
    "above": ({"../record.json": b"{}"}, "points outside"),
    "above on Windows": ({"..\\record.json": b"{}", **files()}, "points outside"),
    "from the root": ({"/tmp/record.json": b"{}"}, "points outside"),
    "a drive": ({"C:record.json": b"{}"}, "points outside"),
    "a link": ({LINK: b"/etc/passwd"}, "points outside"),
    "no JSON": (files() | {"record.json": b"{"}, "record.json cannot be read as JSON"),
    "too deep": (files() | {"record.json": NESTED}, "record.json cannot be read as JSON"),
    "a list": (files([]), "record.json holds a list"),
    "wrong tables": (files(ENTRY | {"tables": [1]}), "record.json: tables is a list"),
    "wrong fields": (files(ENTRY | {"config": [1]}), r"cannot be shown \(AttributeError"),
    "no Parquet": (files() | {"items.parquet": b"PAR1 or not"}, "items.parquet cannot be read as Parquet"),
    "a column lacks": (files(table=answers().drop(columns="prediction")), "has no column prediction; its columns are item, id"),
    "no gold": (files(table=answers().drop(columns="gold")), "has no column gold"),
    "no row": (files(table=answers()[:0]), "has 0 rows; allowed are 1 to 500,000"),
    "a text as number": (files(table=answers(k="two")), r"cannot be read as Parquet \(ArrowInvalid"),
    "lists": (files(table=answers(gold=[["sports"]] * 24)), "cannot be read as Parquet"),
    "rows without strategy": (files(table=answers(strategy=None)), "has rows without strategy"),
    "no language": (files(table=answers(language="Swahili")), "The column language of items.parquet has 'Swahili'"),
    "no query": (files(query=QUERY | {"text": {"a": 1}}), "Line 1 of queries.jsonl is no query"),
    "no object": (files(query=[1]), "Line 1 of queries.jsonl holds a list"),
    "wrong probabilities": (files(table=answers(log_probs="[1")), r"cannot be shown \(JSONDecodeError"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_record_is_told_in_one_sentence_and_nothing_of_it_stays(
    service: ReportService, tmp_path: Path, case: str
) -> None:
    contents, reason = WRONG[case]
    with pytest.raises(InvalidData, match=reason) as refusal:
        service.upload([zipped(tmp_path / "sent.zip", contents)])
    assert str(tmp_path) not in str(refusal.value) and len(str(refusal.value)) < 400
    assert not list((tmp_path / "downloads").rglob("*.*"))


def test_what_is_no_zip_or_no_file_of_a_record_is_refused(service: ReportService, tmp_path: Path) -> None:
    (tmp_path / "sent.zip").write_bytes(b"no zip")
    with pytest.raises(InvalidData, match="The zip cannot be read"):
        service.upload([tmp_path / "sent.zip"])
    whole = zipped(tmp_path / "whole.zip", files()).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:-30])
    with pytest.raises(InvalidData, match="The zip cannot be read"):
        service.upload([tmp_path / "cut.zip"])
    start = whole.index(b"items.parquet") + 20
    (tmp_path / "damaged.zip").write_bytes(whole[:start] + bytes(200) + whole[start + 200 :])
    with pytest.raises(InvalidData, match="The zip"):
        service.upload([tmp_path / "damaged.zip"])
    with pytest.raises(InvalidData, match=r"notes\.txt is no file of a record"):
        service.upload(loose(tmp_path / "sent", files() | {"notes.txt": b""}))
    with pytest.raises(InvalidData, match=r"There is no record\.json"):
        service.upload(loose(tmp_path / "other", {"items.parquet": parquet(answers())}))


def test_bounds_hold_for_what_is_sent_and_for_what_it_unpacks_to(
    service: ReportService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = zipped(tmp_path / "bomb.zip", files() | {"record.json": b" " * 2**20})
    table = parquet(answers(answer="a" * 2**17))  # 3 MB in memory, of a file of a few kB
    assert bomb.stat().st_size < 2**16 and len(table) < 2**18
    monkeypatch.setattr(uploads, "MOST_UNPACKED", 2**19)
    with pytest.raises(InvalidData, match=r"record\.json unpacks to more than 0.5 MB"):
        service.upload([bomb])
    with pytest.raises(InvalidData, match=r"items\.parquet unpacks to more than 0.5 MB"):
        service.upload(loose(tmp_path / "sent", files() | {"items.parquet": table}))
    monkeypatch.setattr(uploads, "MOST_BYTES", 1024)
    with pytest.raises(InvalidData, match=r"The record has 0\.0\d+ MB; allowed are 0\.000977 MB"):
        service.upload([bomb])
    monkeypatch.undo()
    with pytest.raises(InvalidData, match="The zip holds 1,002 files"):
        service.upload([zipped(tmp_path / "many.zip", {f"{n}.txt": b"" for n in range(1002)})])
    table = answers().assign(strategy=[f"s{n}" for n in range(24)])
    monkeypatch.setattr(uploads, "MOST_SYSTEMS", 8)
    with pytest.raises(InvalidData, match="compares 24 systems"):
        service.upload([zipped(tmp_path / "systems.zip", files(table=table))])


def built(service: ReportService) -> ExperimentsHandlers:
    with gr.Blocks():
        tag, session = gr.State("en"), gr.BrowserState("")
        with gr.Tabs(), gr.Tab() as own:
            texts, allow = catalogue("en"), lambda kind, request: None
            return build_experiments(
                service, Localised(), tag, texts, own, session, allow, lambda holds: holds == "organiser"
            )


@pytest.fixture
def tab(service: ReportService) -> ExperimentsHandlers:
    """The tab where strangers come: whoever holds the session "organiser" may send files."""
    return with_event_loop(lambda: built(service))


def sending(tab: ExperimentsHandlers, paths: list[Path], own: str = "", session: str = "organiser") -> dict[Any, Any]:
    parts = tab.parts
    values = {parts.tag: "en", parts.session: session, parts.file: [str(path) for path in paths], parts.own: own}
    return tab.open_record({**values, parts.record: None}, None)


def test_strangers_are_neither_offered_the_field_nor_heard(tab: ExperimentsHandlers, tmp_path: Path) -> None:
    path = zipped(tmp_path / "my.zip", files())
    refused = sending(tab, [path], session="")
    assert "Files are taken from organisers alone" in refused[tab.parts.refusal] and tab.parts.own not in refused
    assert not path.exists() and tab.service.uploads.folders() == {}
    assert tab.parts.fold.visible is False
    for session, visible in (("", False), ("organiser", True)):
        values = {tab.parts.tag: "en", tab.parts.session: session, tab.parts.own: "", tab.parts.record: None}
        assert tab.list_records(values)[tab.parts.fold]["visible"] is visible


def test_a_second_record_takes_the_place_of_the_first_and_what_was_sent_is_removed(
    tab: ExperimentsHandlers, tmp_path: Path
) -> None:
    parts = tab.parts
    first = sending(tab, [zipped(tmp_path / "one.zip", files())])
    assert first[parts.record]["choices"] == [("Yours: Evaluation · topic (one)", first[parts.own])]
    assert first[parts.record]["value"] == first[parts.own] and not (tmp_path / "one.zip").exists()
    wrong = sending(tab, [zipped(tmp_path / "wrong.zip", {"x": b""})], own=first[parts.own])
    assert parts.own not in wrong and "The zip holds no record.json" in wrong[parts.refusal]
    second = sending(tab, [zipped(tmp_path / "two.zip", files())], own=first[parts.own])
    assert list(tab.service.uploads.folders()) == [second[parts.own]]
    values = {parts.tag: "en", parts.session: "", parts.own: second[parts.own], parts.record: second[parts.own]}
    assert tab.list_records(values)[parts.record]["value"] == second[parts.own]
    assert tab.list_records({**values, parts.own: ""})[parts.record]["choices"] == []  # of another visitor
