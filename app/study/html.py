"""HTML of the organiser's page; everything that people or models wrote is escaped."""

from collections.abc import Sequence
from html import escape

from annotation.backup.rounds import BackupState
from annotation.records import Study
from annotation.statistics.agreement import Agreement, agreements
from annotation.statistics.power import Power
from annotation.statistics.values import Interval, Undefined
from annotation.study_records import RaterRecord, Tombstone
from app.criteria import criterion_label
from app.html import bar
from app.study.board import Board, language_name
from app.texts import Texts

_TIME = "%Y-%m-%d %H:%M UTC"


def _table(texts: Texts, heads: Sequence[str], rows: Sequence[Sequence[str]], css: str = "") -> str:
    """Cells are HTML already; heads are texts."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="agl wide" dir="{texts.direction}"><table class="{css}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _paragraph(texts: Texts, text: str, css: str = "quiet") -> str:
    return f'<p class="{css}" dir="{texts.direction}">{escape(text)}</p>'


def _isolated(tag: str) -> str:
    """A language's own name, so marked that the sentence around it keeps its direction (Unicode FSI and PDI)."""
    return f"\u2068{language_name(tag)}\u2069"


def summary(board: Board, texts: Texts) -> str:
    """Name and state, and the six steps with what is there and what is missing."""
    study, data = board.study, board.data
    total, done = (sum(getattr(one, name) for one in board.progress) for name in ("slots", "done"))
    outputs = " · ".join(f"{language_name(tag)} {count}" for tag, count in board.stock.items.items())
    criteria = ", ".join(criterion_label(one, texts) for one in study.criteria)
    checks = sum(board.stock.degraded.values()) + sum(board.stock.repeats.values())
    live = [one for one in board.invitations if one.revoked_at is None]
    steps = (
        ("outputs", bool(board.stock.items), f"{outputs} · {', '.join(board.stock.systems)}"),
        ("design", not board.placeholders, texts("study.design_is", criteria=criteria, k=study.raters_per_item)),
        ("checks", study.check_every is None or checks > 0, texts("study.checks_count", count=checks)),
        ("invite", study.frozen_at is not None and bool(live), texts("study.links_count", count=len(live))),
        ("progress", total > 0 and done >= total, texts("study.rated_of", done=done, total=total)),
        ("end", study.state in ("closed", "withdrawn"), texts(f"study.state_{study.state}")),
    )
    lines = "".join(
        f'<li class="{"done" if good else "due"}"><span aria-hidden="true">{"✓" if good else "○"}</span> '
        f"<b>{escape(texts(f'study.step_{name}'))}</b> <span>{escape(detail)}</span></li>"
        for name, good, detail in steps
    )
    if study.frozen_at is not None:
        note = texts("study.frozen", time=study.frozen_at.strftime(_TIME))
    else:
        lacking = [*board.missing, *(texts(f"study.unwritten_{one}") for one in board.placeholders)]
        note = texts("study.missing", what="; ".join(lacking)) if lacking else texts("study.ready")
    raters = len([one for one in data.raters if one.removed_at is None])
    return (
        f'<div class="agl" dir="{texts.direction}"><h2><bdi>{escape(study.name)}</bdi> · '
        f"{escape(texts(f'study.state_{study.state}'))} · {escape(texts('study.people'))} {raters}</h2>"
        f'<ol class="steps">{lines}</ol><p class="message" role="status">{escape(note)}</p></div>'
    )


def outputs_panel(board: Board, texts: Texts) -> str:
    """Systems and items by language, and items that lack systems."""
    rows = [[escape(language_name(tag)), str(count)] for tag, count in board.stock.items.items()]
    systems = "".join(f'<li><bdi class="system">{escape(one)}</bdi></li>' for one in board.stock.systems)
    return _table(texts, (texts("study.language"), texts("study.items")), rows) + f'<ul class="agl">{systems}</ul>'


def design_panel(board: Board, texts: Texts) -> str:
    """That a frozen design is only read, and how long an item stays reserved."""
    study = board.study
    lines = [texts("study.lease_is", minutes=study.lease_minutes)]
    if study.frozen_at is not None:
        lines.insert(0, texts("study.frozen", time=study.frozen_at.strftime(_TIME)))
    return "".join(_paragraph(texts, line) for line in lines)


def preview_link(path: str, texts: Texts) -> str:
    """A link to the preview, in a tab of its own."""
    return (
        f'<p class="agl" dir="{texts.direction}"><a class="agl-link" target="_blank" rel="noopener" href="{escape(path)}">'
        f"{escape(texts('study.preview_open'))}</a></p>"
    )


def checks_panel(board: Board, texts: Texts) -> str:
    """What attention checks there are, with examples."""
    if board.study.check_every is None:
        return _paragraph(texts, texts("study.checks_none"))
    stock = board.stock
    counts = "".join(
        _paragraph(
            texts,
            texts(
                "study.checks_are",
                degraded=stock.degraded.get(tag, 0),
                repeats=stock.repeats.get(tag, 0),
                language=_isolated(tag),
            ),
        )
        for tag in stock.items
    )
    rows = [
        [
            escape(texts(f"study.spoiled_{how}")),
            f'<span dir="auto">{escape(before)}</span>',
            f'→ <span dir="auto">{escape(after)}</span>',
        ]
        for how, before, after in stock.sample
    ]
    return counts + (_table(texts, ("", "", ""), rows) if rows else "")


def power_panel(board: Board, powers: Sequence[Power], texts: Texts) -> str:
    """What the planned size can find on each scale, and how many raters it asks for."""
    study = board.study
    needed = []
    for tag, count in board.stock.items.items():
        slots = count * study.raters_per_item
        each = min(study.items_per_rater or count, count)
        raters = max(study.raters_per_item, -(-slots // each))
        needed.append(
            _paragraph(texts, texts("study.raters_needed", language=_isolated(tag), slots=slots, raters=raters))
        )
    if not powers:
        return _paragraph(texts, texts("study.power_none"), "message") + "".join(needed)
    return "".join(_power(one, texts, several=len(powers) > 1) for one in powers) + "".join(needed)


def _power(power: Power, texts: Texts, *, several: bool) -> str:
    plan = power.plan
    sentence = texts(
        "study.power",
        items=plan.items,
        k=plan.raters_per_item,
        difference=f"{plan.difference:.2f}",
        power=f"{power.power:.2f}",
        low=f"{power.interval.low:.2f}",
        high=f"{power.interval.high:.2f}",
        tests=plan.tests,
    )
    more = []
    for key, value in (("power_detectable", power.detectable), ("power_needed", power.items_needed)):
        figure = texts("study.not_yet", reason=value.reason) if isinstance(value, Undefined) else f"{value:.4g}"
        more.append(_paragraph(texts, texts(f"study.{key}", value=figure)))
    scale = f"{plan.scale.low}–{plan.scale.high}: " if several else ""
    return _paragraph(texts, _isolated_scale(scale, texts) + sentence, "message") + "".join(more)


def _isolated_scale(text: str, texts: Texts) -> str:
    return f"\u2066{text}\u2069" if text and texts.direction == "rtl" else text


def invitations_panel(board: Board, texts: Texts) -> str:
    """All links ever made, without what makes them work."""
    rows = []
    for one in board.invitations:
        most = "∞" if one.max_uses is None else str(one.max_uses)
        ends = "–" if one.expires_at is None else one.expires_at.strftime(_TIME)
        ends = texts("study.revoked") if one.revoked_at is not None else ends
        rows.append([str(one.id), escape(language_name(one.language)), f"{one.uses} / {most}", escape(ends)])
    heads = ("#", texts("study.language"), texts("study.people"), texts("study.expires"))
    return _table(texts, heads, rows) if rows else ""


def progress_panel(board: Board, texts: Texts) -> str:
    """Languages with their agreement so far, then raters with their checks, then who was removed."""
    criteria = {one.key: criterion_label(one, texts) for one in board.study.criteria}
    by_cell = {
        (one.language, one.criterion): one
        for one in agreements(board.data.ratings, list(criteria), scales=board.study.scales)
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
    languages = _table(texts, [texts(f"study.{name}") for name in names], rows)
    return languages + _raters(board, texts) + _tests(board, texts)


def _alpha(agreement: Agreement, texts: Texts) -> str:
    if isinstance(agreement.alpha, Undefined):
        return f'<span class="quiet">{escape(texts("study.not_yet", reason=agreement.alpha.reason))}</span>'
    spread = agreement.interval
    between = f" [{spread.low:.2f}, {spread.high:.2f}]" if isinstance(spread, Interval) else ""
    return f'<span class="figure">{agreement.alpha:.2f}{between}</span>'


def _raters(board: Board, texts: Texts) -> str:
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
        ]
        for one in board.data.raters
        if one.removed_at is None
    ]
    names = ("rater", "language", "done", "skips", "checks")
    raters = _table(texts, [texts(f"study.{name}") for name in names], rows, "raters") if rows else ""
    gone = "".join(
        _paragraph(
            texts,
            f"{one.rater}: "
            + texts("study.removed", time=one.removed_at.strftime(_TIME), ratings=one.ratings, items=one.items),
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
    return _paragraph(texts, texts("study.test_of", **counts))


def _verdict(one: RaterRecord, texts: Texts) -> str:
    return "–" if one.failed is None else texts("study.failed" if one.failed else "study.passed")


def results_panel(study: Study, texts: Texts) -> str:
    """Who sees the results now."""
    if study.frozen_at is None:
        return ""
    if study.results_open and study.published_at is not None:
        return _paragraph(texts, texts("study.results_public", time=study.published_at.strftime(_TIME)))
    if study.unpublished_at is not None:
        return _paragraph(texts, texts("study.results_taken_back", time=study.unpublished_at.strftime(_TIME)))
    return _paragraph(texts, texts("study.results_private"))


def backup_panel(state: BackupState | None, texts: Texts) -> str:
    """When the last sound backup was made, and what failed since."""
    if state is None:
        return _paragraph(texts, f"{texts('study.backup')}: {texts('study.backup_unknown')}")
    if state.last_good is None:
        sentence = texts("study.backup_none")
    else:
        sentence = texts("study.backup_good", time=state.last_good.strftime(_TIME), count=state.changes_since)
    if state.mirror is not None:
        sentence += f" → {state.mirror} ({state.mirrored_at.strftime(_TIME) if state.mirrored_at else '–'})"
    if state.free_bytes is not None:
        sentence += " " + texts("study.backup_free", size=f"{state.free_bytes / 1e9:.1f}")
    failed = "".join(
        f'<p class="message error" role="alert">{escape(one)}</p>' for one in (*state.failures, *state.warnings)
    )
    return _paragraph(texts, f"{texts('study.backup')}: {sentence}") + failed


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
