"""HTML of links and raters on the organiser's page: who came by which link, how far everybody is, who is left out and why."""

from collections.abc import Sequence
from html import escape

from annotation.backup.rounds import BackupState
from annotation.rater_flags import RaterSigns, signs
from annotation.report.words import figure, span
from annotation.statistics.agreement import Agreement, agreements
from annotation.statistics.values import Undefined
from annotation.study_records import Invitation, RaterRecord, Tombstone
from app.criteria import criterion_label
from app.html import bar, in_one_line
from app.study.board import Board, language_name
from app.study.html import TIME, paragraph, table
from app.texts import Texts


def invitations_panel(board: Board, texts: Texts) -> str:
    """All links ever made, without what makes them work."""
    came: dict[int | None, list[str]] = {}
    for rater in board.data.raters:
        came.setdefault(rater.invitation, []).append(rater.rater)
    single = [one for one in board.invitations if one.max_uses == 1]
    shared = [_link_row(one, came.get(one.id, []), texts) for one in board.invitations if one.max_uses != 1]
    heads = ("#", texts("study.language"), texts("study.people"), texts("study.expires"), texts("study.used_by"))
    listed = table(texts, heads, shared) if shared else ""
    if not single:
        return listed
    used = sum(one.uses for one in single)
    rows = [_link_row(one, came.get(one.id, []), texts) for one in sorted(single, key=lambda one: (-one.uses, one.id))]
    title = texts("study.single_links", used=used, count=len(single))
    fold = f'<details class="agl"><summary>{escape(title)}</summary>{table(texts, heads, rows)}</details>'
    return listed + fold


def _link_row(one: Invitation, came: Sequence[str], texts: Texts) -> list[str]:
    most = "∞" if one.max_uses is None else str(one.max_uses)
    ends = "–" if one.expires_at is None else one.expires_at.strftime(TIME)
    ends = texts("study.revoked") if one.revoked_at is not None else ends
    who = ", ".join(f"<bdi>{escape(name)}</bdi>" for name in came[:12]) + (" …" if len(came) > 12 else "")
    return [
        str(one.id),
        escape(language_name(one.language)),
        f'<bdi dir="ltr">{one.uses} / {most}</bdi>',
        escape(ends),
        who or "–",
    ]


def progress_panel(board: Board, texts: Texts) -> str:
    """Languages with their agreement so far, then raters with their checks, then who was removed."""
    criteria = {one.key: criterion_label(one, texts) for one in board.study.criteria}
    excluded = {one.rater for one in board.data.raters if one.excluded_at}  # left out here as in Results
    counted = [one for one in board.data.ratings if one.rater not in excluded]
    by_cell = {
        (one.language, one.criterion): one for one in agreements(counted, list(criteria), scales=board.study.scales)
    }
    rows = []
    for one in board.progress:
        agreed = "<br>".join(
            f"<bdi>{escape(label)}</bdi> {_alpha(by_cell[one.language, key], texts)}"
            for key, label in criteria.items()
            if (one.language, key) in by_cell
        )
        share = one.done / one.slots if one.slots else 0.0
        rows.append(
            [
                escape(language_name(one.language)),
                f'<span class="figure">{bar(share)} {escape(texts("study.rated_of", done=one.done, total=one.slots))}</span>',
                *(str(getattr(one, name)) for name in ("held", "skips", "raters")),
                agreed or "–",
            ]
        )
    names = ("language", "done", "held", "skips", "people", "agreement")
    languages = table(texts, [texts(f"study.{name}") for name in names], rows)
    return languages + _raters(board, texts) + _tests(board, texts)


def _alpha(agreement: Agreement, texts: Texts) -> str:
    if isinstance(agreement.alpha, Undefined):
        return f'<span class="quiet">{escape(texts("study.not_yet", reason=agreement.alpha.reason))}</span>'
    value = f"{figure(agreement.alpha)} {span(agreement.interval)}".strip()
    return f'<span class="figure">{in_one_line(value, texts)}</span>'


def _raters(board: Board, texts: Texts) -> str:
    data = board.data
    flagged = {
        one.rater: one
        for one in signs(
            data.ratings, data.assignments, data.outputs, board.study.scales,
            preferences=data.preferences, error_spans=data.error_spans,
        )
    }  # fmt: skip
    rows = [
        [
            f"<bdi>{escape(one.rater)}</bdi>",
            escape(language_name(one.language)),
            str(one.items_done),
            str(one.items_skipped),
            escape(
                texts(
                    "study.checks_of",
                    failed=one.checks_failed,
                    answered=one.checks_answered,
                    verdict=_verdict(one, texts),
                )
            ),
            _signs(flagged.get(one.rater), texts),
            _link_of(one),
            _exclusion(one, texts),
        ]
        for one in board.data.raters
        if one.removed_at is None
    ]
    names = ("rater", "language", "done", "skips", "checks", "signs", "by_link", "in_results")
    raters = table(texts, [texts(f"study.{name}") for name in names], rows, "raters") if rows else ""
    gone = "".join(
        paragraph(
            texts,
            f"{one.rater}: "
            + texts("study.removed", time=one.removed_at.strftime(TIME), ratings=one.ratings, items=one.items),
        )
        for one in board.tombstones
    )
    return raters + gone


def _tests(board: Board, texts: Texts) -> str:
    """How many passed the test before the first item; nothing where there is none."""
    results = [one.test_passed for one in board.data.raters if one.test_tries is not None and one.removed_at is None]
    if not results:
        return ""
    counts = {"passed": results.count(True), "failed": results.count(False), "open": results.count(None)}
    return paragraph(texts, texts("study.test_of", **counts))


def _verdict(one: RaterRecord, texts: Texts) -> str:
    return "–" if one.failed is None else texts("study.failed" if one.failed else "study.passed")


def _signs(one: RaterSigns | None, texts: Texts) -> str:
    """What is unusual about her answers; a sign is no proof."""
    if one is None or not one.flags:
        return "–"
    values: dict[str, dict[str, object]] = {
        "same_values": {"share": f"{100 * one.same_share:.0f}"},
        "long_string": {"count": one.longest_string},
        "same_order": {"share": f"{100 * one.same_order_share:.0f}"},
        "no_errors": {"count": one.missed},
        "fast": {"seconds": f"{one.median_seconds or 0.0:.1f}"},
    }
    return "<br>".join(escape(texts(f"study.sign_{flag}", **values[flag])) for flag in one.flags)


def _link_of(one: RaterRecord) -> str:
    """The number of the link she came by, and her id on the platform that sent her."""
    parts = [f"#{one.invitation}"] if one.invitation is not None else []
    parts += [f"<bdi>{escape(one.participant)}</bdi>"] if one.participant else []
    return " · ".join(parts) or "–"


def _exclusion(one: RaterRecord, texts: Texts) -> str:
    if one.excluded_at is None:
        return escape(texts("study.counts_in_results"))
    line = texts("study.left_out_since", time=one.excluded_at.strftime(TIME))
    return f'{escape(line)}: <span dir="auto">{escape(one.exclusion_reason or "")}</span>'


def removal(gone: Tombstone, state: BackupState | None, texts: Texts) -> str:
    """What became of a rater's data after ``Backups.forget``: in the database, in the backups, and in what left them."""
    sentences = [texts("study.removed_done", rater=gone.rater)]
    if state is None:
        sentences.append(texts("study.removed_elsewhere"))
    elif state.failures:
        sentences.append(texts("study.removed_kept", folder=state.folder, reason=" ".join(state.failures)))
    else:
        sentences.append(texts("study.removed_backups"))
    if state is not None and state.mirror is not None:
        sentences.append(texts("study.removed_mirror", name=state.mirror))
    return " ".join(sentences)
