"""HTML of the organiser's page; everything that people or models wrote is escaped."""

from collections.abc import Sequence
from html import escape

from annotation.backup.rounds import BackupState
from annotation.errors import InvalidRecord
from annotation.records import Study
from annotation.report.words import quotas
from annotation.stopping import all_decided
from annotation.study_records import Lack
from app.criteria import criterion_label
from app.refusals import in_words
from app.study.board import Board, language_name
from app.study.sources import TableFacts
from app.texts import Texts

TIME = "%Y-%m-%d %H:%M UTC"


def table(texts: Texts, heads: Sequence[str], rows: Sequence[Sequence[str]], css: str = "") -> str:
    """A table; cells are HTML already, heads are texts."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="agl wide" dir="{texts.direction}"><table class="{css}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def paragraph(texts: Texts, text: str, css: str = "quiet") -> str:
    """A paragraph of escaped text."""
    return f'<p class="{css}" dir="{texts.direction}">{escape(text)}</p>'


def isolated_name(tag: str) -> str:
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
        (
            "design",
            not board.placeholders,
            texts("study.design_is", criteria=criteria, k=f"{study.raters_per_item}{quotas(study)}"),
        ),
        ("checks", study.check_every is None or checks > 0, texts("study.checks_count", count=checks)),
        ("invite", study.frozen_at is not None and bool(live), texts("study.links_count", count=len(live))),
        (
            "progress",
            (total > 0 and done >= total) or all_decided(study.looks),
            texts("study.rated_of", done=done, total=total),
        ),
        ("end", study.state in ("closed", "withdrawn"), texts(f"study.state_{study.state}")),
    )
    lines = "".join(
        f'<li class="{"done" if good else "due"}"><span aria-hidden="true">{"✓" if good else "○"}</span> '
        f"<b>{escape(texts(f'study.step_{name}'))}</b> <span>{escape(detail)}</span></li>"
        for name, good, detail in steps
    )
    if study.frozen_at is not None:
        note = texts("study.frozen", time=study.frozen_at.strftime(TIME))
    else:
        lacking = [
            *(lack_in_words(one, texts) for one in board.missing),
            *(texts(f"study.unwritten_{one}") for one in board.placeholders),
        ]
        note = texts("study.missing", what="; ".join(lacking)) if lacking else texts("study.ready")
    raters = len([one for one in data.raters if one.removed_at is None])
    return (
        f'<div class="agl" dir="{texts.direction}"><h2><bdi>{escape(study.name)}</bdi> · '
        f"{escape(texts(f'study.state_{study.state}'))} · {escape(texts('study.people'))} {raters}</h2>"
        f'<ol class="steps">{lines}</ol><p class="message" role="status">{escape(note)}</p></div>'
    )


def table_facts(facts: TableFacts, texts: Texts) -> str:
    """What a table holds by system and language, and what becomes of what is uneven, empty or unknown in it."""
    languages = sorted({language for _, language in facts.counts})
    most = {tag: max(count for (_, language), count in facts.counts.items() if language == tag) for tag in languages}
    rows = []
    for system in sorted({system for system, _ in facts.counts}):
        counts = [(facts.counts.get((system, tag), 0), most[tag]) for tag in languages]
        cells = [f"<b>{count}</b>" if count < full else str(count) for count, full in counts]
        rows.append([f'<bdi class="system">{escape(system)}</bdi>', *cells])
    sentences = [
        texts(f"study.table_{name}", count=count)
        for name, count in (("uneven", facts.uneven), ("empty", facts.empty))
        if count
    ]
    if facts.unknown:
        sentences.append(texts("study.table_unknown", columns=", ".join(facts.unknown[:8])))
    lines = "".join(f"<li>{escape(one)}</li>" for one in sentences)
    heads = (texts("study.system"), *map(language_name, languages))
    return f'<div class="message error agl" role="alert" dir="{texts.direction}"><ul>{lines}</ul>{table(texts, heads, rows)}</div>'


def lack_in_words(one: Lack, texts: Texts) -> str:
    """What has to be mended before a study can open, as part of a sentence."""
    return in_words(InvalidRecord(one.text, one.fact, **one.values), texts)


def outputs_panel(board: Board, texts: Texts) -> str:
    """Systems and items by language, and items that lack systems."""
    rows = [[escape(language_name(tag)), str(count)] for tag, count in board.stock.items.items()]
    systems = "".join(f'<li><bdi class="system">{escape(one)}</bdi></li>' for one in board.stock.systems)
    return table(texts, (texts("study.language"), texts("study.items")), rows) + f'<ul class="agl">{systems}</ul>'


def design_panel(board: Board, texts: Texts) -> str:
    """That a frozen design is only read, and how long an item stays reserved."""
    study = board.study
    lines = [texts("study.lease_is", minutes=study.lease_minutes)]
    if study.frozen_at is not None:
        lines.insert(0, texts("study.frozen", time=study.frozen_at.strftime(TIME)))
    return "".join(paragraph(texts, line) for line in lines) + _groups(board, texts)


def _groups(board: Board, texts: Texts) -> str:
    """Items by group and language, with what one rater gets of them where the design says so; "" where items have no group."""
    stock, study = board.stock, board.study
    rows = []
    for name, counts in stock.groups.items():
        cells = [f"<bdi>{escape(name)}</bdi>" if name else escape(texts("study.group_none"))]
        for tag, total in stock.items.items():
            count = counts.get(tag, 0)
            cap = min(study.items_per_rater or total, total)
            low, high = cap * count // total, -(-cap * count // total)
            share = f"{low}" if low == high else f"{low}–{high}"
            known = study.balance_groups and count and cap < total
            cells.append(escape(texts("study.group_share", count=count, share=share)) if known else str(count))
        rows.append(cells)
    heads = (texts("study.group"), *map(language_name, stock.items))
    return paragraph(texts, texts("study.groups_are")) + table(texts, heads, rows) if rows else ""


def preview_link(path: str, texts: Texts) -> str:
    """A link to the preview, in a tab of its own."""
    return (
        f'<p class="agl" dir="{texts.direction}"><a class="agl-link" target="_blank" rel="noopener" href="{escape(path)}">'
        f"{escape(texts('study.preview_open'))}</a></p>"
    )


def checks_panel(board: Board, texts: Texts) -> str:
    """What attention checks there are, with examples."""
    if board.study.check_every is None:
        return paragraph(texts, texts("study.checks_none"))
    stock = board.stock
    counts = "".join(
        paragraph(
            texts,
            texts(
                "study.checks_are",
                degraded=stock.degraded.get(tag, 0),
                repeats=stock.repeats.get(tag, 0),
                language=isolated_name(tag),
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
    return counts + (table(texts, ("", "", ""), rows) if rows else "")


def results_panel(study: Study, texts: Texts) -> str:
    """Who sees the results now."""
    if study.frozen_at is None:
        return ""
    if study.results_open and study.published_at is not None:
        return paragraph(texts, texts("study.results_public", time=study.published_at.strftime(TIME)))
    if study.unpublished_at is not None:
        return paragraph(texts, texts("study.results_taken_back", time=study.unpublished_at.strftime(TIME)))
    return paragraph(texts, texts("study.results_private"))


def backup_panel(state: BackupState | None, texts: Texts) -> str:
    """When the last sound backup was made, and what failed since."""
    if state is None:
        return paragraph(texts, f"{texts('study.backup')}: {texts('study.backup_unknown')}")
    if state.last_good is None:
        sentence = texts("study.backup_none")
    else:
        sentence = texts("study.backup_good", time=state.last_good.strftime(TIME), count=state.changes_since)
    if state.mirror is not None:
        sentence += f" → {state.mirror} ({state.mirrored_at.strftime(TIME) if state.mirrored_at else '–'})"
    if state.free_bytes is not None:
        sentence += " " + texts("study.backup_free", size=f"{state.free_bytes / 1e9:.1f}")
    failed = "".join(
        f'<p class="message error" role="alert">{escape(one)}</p>' for one in (*state.failures, *state.warnings)
    )
    return paragraph(texts, f"{texts('study.backup')}: {sentence}") + failed
