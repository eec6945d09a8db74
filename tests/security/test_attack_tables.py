"""Files an organiser is made to give: archives, bombs, other encodings, paths; and formulas on their way to a spreadsheet."""

import csv
import gzip
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from security.hostile import FORMULA, SECRET, Target, through_queue

from annotation.errors import AnnotationError
from annotation.export.files import export_study
from annotation.import_outputs import MOST_ROWS
from annotation.store import RatingStore
from app.access.organiser import Authority
from app.study.board import EVALUATION, TABLE, Source
from app.study.service import StudyService

HEADER = "item,language,source_text,system,output\n"
ROW = "i1,sw,Habari,a,Jibu\n"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database to be copied, which saves each test its own migration."""
    path = tmp_path_factory.mktemp("tables") / "r.db"
    RatingStore.open(path).close()
    return path


@pytest.fixture
def service(empty: Path, tmp_path: Path) -> Iterator[tuple[StudyService, str, RatingStore]]:
    with RatingStore.open(shutil.copy(empty, tmp_path / "r.db")) as store:
        authority = Authority(SECRET)
        yield StudyService(store, authority, tmp_path / "downloads", "explore"), authority.unlock(SECRET), store


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../x.csv", content)
    return packed.getvalue()


def parquet(**columns: pa.Array) -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written, compression="zstd")
    return written.getvalue()


def repeated(text: str, rows: int) -> pa.Array:
    return pa.array([text]).take(pa.array([0] * rows))


def bomb(rows: int, output: str) -> bytes:
    """Small on the disk, large in memory."""
    named = {name: repeated("sw", rows) for name in ("item", "language", "source_text", "system")}
    return parquet(**named, output=repeated(output, rows))


FILES: dict[str, tuple[str, bytes]] = {
    "an archive": ("x.zip", zipped((HEADER + ROW).encode())),
    "an archive called a table": ("x.csv", zipped((HEADER + ROW).encode())),
    "a packed table": ("x.csv.gz", gzip.compress((HEADER + ROW).encode())),
    "a packed table called a table": ("x.csv", gzip.compress((HEADER + ROW).encode())),
    "a program": ("x.exe", b"MZ"),
    "a spreadsheet": ("x.xlsx", zipped(b"<xml/>")),
    "a pickle": ("x.pkl", b"cos\nsystem\n(S'touch /tmp/hacked'\ntR."),
    "no UTF-8": ("x.csv", HEADER.encode() + "i1,sw,é,a,b\n".encode("latin-1")),
    "UTF-16": ("x.csv", (HEADER + ROW).encode("utf-16")),
    "a broken quote": ("x.csv", (HEADER + 'i1,sw,"Habari,a,Jibu\n').encode()),
    "a huge cell": ("x.csv", (HEADER + "i1,sw," + "x" * 200_000 + ",a,b\n").encode()),
    "more cells than the header": ("x.csv", (HEADER + "i1,sw,a,b,c,d,e\n").encode()),
    "a column of its own": ("x.csv", b"item,language,source_text,system,output,__class__\n"),
    "no rows": ("x.csv", HEADER.encode()),
    "deep JSON": ("x.jsonl", b'{"item":' + b"[" * 100_000),
    "no Parquet": ("x.parquet", b"PAR1 nonsense PAR1"),
    "too many rows": ("x.parquet", bomb(MOST_ROWS + 1, "Jibu")),
    "a Parquet bomb": ("x.parquet", bomb(300, "x" * 1_000_000)),
    "too large": ("x.csv", HEADER.encode() + b" " * (33 * 1024 * 1024)),
}


@pytest.mark.parametrize(("name", "content"), FILES.values(), ids=FILES)
@pytest.mark.parametrize("kind", [TABLE, EVALUATION])
def test_files_that_are_no_tables_are_one_sentence_and_make_nothing(
    service: tuple[StudyService, str, RatingStore], tmp_path: Path, kind: str, name: str, content: bytes
) -> None:
    organiser, session, store = service
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AnnotationError) as refusal:
        organiser.create(session, "A study", "t", Source(kind, path))
    assert 20 < len(str(refusal.value)) < 700
    assert store.studies() == []
    assert not Path("/tmp/hacked").exists()


def test_formulas_reach_no_spreadsheet(service: tuple[StudyService, str, RatingStore], tmp_path: Path) -> None:
    organiser, session, store = service
    path = tmp_path / "x.csv"
    cells = [FORMULA, "+1+1", "-2+3", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER.strip().split(","))
        writer.writerows([f"i{n}", "sw", source, f"={cell}", cell] for n, source in enumerate(cells) for cell in cells)
    study, _ = organiser.create(session, f"={FORMULA}", "t", Source(TABLE, path))
    tables = [one for one in export_study(store, study, tmp_path / "out") if one.suffix == ".csv"]
    assert tables
    for table in tables:
        with table.open(encoding="utf-8-sig", newline="") as file:
            wrong = [cell for row in csv.reader(file) for cell in row if cell[:1] in tuple("=+-@\t\r")]
        assert [cell for cell in wrong if not cell.lstrip("-").replace(".", "").isdigit()] == [], table.name
    lines = next(one for one in (tmp_path / "out").iterdir() if one.name == "outputs.jsonl").read_text().splitlines()
    assert FORMULA in {json.loads(line)["text"] for line in lines}  # where no spreadsheet looks, the text is as it was


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/etc/passwd", "{data}/organiser-secret", "{data}/ratings.db", "../../../etc/passwd"])
def test_a_path_in_place_of_an_upload_is_read_by_nobody(target: Target, path: str) -> None:
    """Even with an organiser's session: a file that was not uploaded is no file."""
    said = through_queue(target, target.event("study-unlock.click"), [SECRET, "en"])
    session = json.loads(said.split("data: ")[-1])["output"]["data"][0]
    create = target.event("study-create.click")
    file = {"path": path.format(data=target.data), "meta": {"_type": "gradio.FileData"}}
    said = through_queue(target, create, [session, "en", "Taken", TABLE, file, None, None])
    assert '"success":true' not in said
    assert "root:" not in said
    with target.store() as store:
        assert "Taken" not in {one.name for one in store.studies()}
