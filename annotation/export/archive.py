"""One study as one zip file: tables, codebook, reader, report and datasheet. The one export of all pages.

It is made when somebody asks and nothing of it stays unpacked, so that data of a removed rater lies nowhere else.
"""

import tempfile
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from annotation.database.transactions import utc_now
from annotation.errors import ExportFailed
from annotation.export.files import export_study
from annotation.records import Study, StudyData
from annotation.report.heds import to_heds
from annotation.report.results import make_report
from annotation.report.sections import document
from annotation.store import RatingStore
from core.report.html import page
from core.report.markup import latex, markdown


def report_files(
    study: Study, data: StudyData, now: datetime, *, names: Mapping[str, str] | None = None, public: bool = False
) -> dict[str, str]:
    """Report and datasheet by file name, with mixed models, in English. `data` holds attention checks; `names`: of systems."""
    report = make_report(study, data, now, names=names, models=True, public=public)
    whole = document(report)
    return {
        "report.html": page([whole]),
        "report.tex": latex([whole]),
        "report.md": markdown([whole]),
        "heds.md": to_heds(report, data),
    }


def write_archive(
    store: RatingStore, study: Study, folder: Path, *, names: Mapping[str, str] | None = None, public: bool = False
) -> Path:
    """Writes `folder`/agl-SLUG.zip, the folder made if need be. `public`: without comments and times.

    Raises UnknownStudy, ExportFailed.
    """
    archive = folder / f"agl-{study.slug}.zip"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
            for path in export_study(store, study, Path(temporary), public=public):
                bundle.write(path, path.name)
            data = store.data(study.id, checks=True)
            for name, text in report_files(study, data, utc_now(), names=names, public=public).items():
                bundle.writestr(name, text)
    except OSError as error:
        raise ExportFailed(
            f"'{folder}' cannot be written ({error.strerror}); give a folder with room and rights."
        ) from error
    return archive
