"""Early stopping on the organiser's page: what the plan asks for and costs, and what was decided. Every text is escaped."""

from html import escape

from annotation.records import Study
from annotation.stopping import all_decided, all_taken, closed, decided
from app.html import isolated
from app.results.looks_html import ending, short
from app.study.board import Board
from app.study.html import paragraph, table
from app.texts import Texts
from core.statistics.sequential import levels


def plan(board: Board, texts: Texts) -> str:
    """Looks with the ratings that they come after and the p that they ask for; "" where the design plans none."""
    stopping, systems = board.study.stopping, len(board.stock.systems)
    if stopping is None:
        return ""
    slots = sum(count * board.study.raters_for(tag) for tag, count in board.stock.items.items())
    pairs = max(1, systems * (systems - 1) // 2)
    at = [number / stopping.looks for number in range(1, stopping.looks + 1)]
    one, first = levels(stopping.alpha, at), levels(stopping.alpha / pairs, at)
    rows = [
        [
            str(number),
            *(
                isolated(figure, texts)
                for figure in (f"{-(-slots * number // stopping.looks)} / {slots}", short(low), short(high))
            ),
        ]
        for number, low, high in zip(range(1, stopping.looks + 1), first, one, strict=True)
    ]
    heads = [texts(f"study.stop_{key}") for key in ("look", "after", "level_first", "level_last")]
    cost = texts("study.stop_cost", slots=slots, pairs=pairs, level=f"{one[-1]:.3f}")
    return paragraph(texts, cost) + table(texts, heads, rows)


def state(board: Board, texts: Texts) -> str:
    """What looks decided until now; "" where the design plans none."""
    study = board.study
    if study.stopping is None:
        return ""
    before = [texts("study.stop_closing")] if study.state == "open" and not _over(study) else []
    if not study.looks:
        return paragraph(texts, " ".join([texts("study.stop_none_yet", looks=study.stopping.looks), *before]))
    last = study.looks[-1]
    lines = ending(study.looks, texts) or [
        texts("study.stop_looked", number=last.number, looks=study.stopping.looks, done=last.done, slots=last.slots)
    ]
    pairs = [f"\u2068{one.first} – {one.second}\u2069" for one in decided(study.looks)]
    if pairs:
        lines.append(texts("results.looks_decided", pairs="; ".join(pairs)))
    if all_decided(study.looks):
        lines.append(texts("study.stop_all"))
    elif gone := closed(study.looks):
        lines.append(texts("results.looks_closed", systems=", ".join(f"\u2068{one}\u2069" for one in sorted(gone))))
    return f'<div class="agl message" role="status" dir="{texts.direction}">{escape(" ".join(lines + before))}</div>'


def _over(study: Study) -> bool:
    """Whether no look follows."""
    return study.stopping is None or all_taken(study.looks, study.stopping) or all_decided(study.looks)
