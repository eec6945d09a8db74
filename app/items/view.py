"""Items as a page shows them: filters, two systems to compare, a language, and a page of rows with every system's answer.

Choices stand in the HTML itself (``CHOOSE`` sends them), so the server keeps nothing of a visitor's.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape

from app.html import hint, language_label, spoken, wide
from app.items.rows import PAGE, Choice, ItemSystem, ItemTable, PageOfRows, Row, page_of
from app.texts import Texts
from core.data.tasks import Task

MOST_COLUMNS = 4  # systems with a column of their own; beyond, the pair has one each and the others are folded
# Presses and choices reach the server as events: "select" opens a row, "submit" chooses what is on show. The control that was
# used has the focus again once the new rows are there.
CHOOSE = """
let used = '';
const send = (changed) => {
  const box = element.querySelector('.items');
  const value = (name) => box.querySelector(`select[data-choice=${name}]`)?.value ?? '';
  trigger('submit', {filter: box.dataset.filter, first: value('first'), second: value('second'),
    language: value('language'), page: 0, ...changed});
};
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act]');
  if (!button) return;
  const {act, id, name} = button.dataset;
  if (act === 'open') {
    const box = element.querySelector('.items');
    const value = (part) => box.querySelector(`select[data-choice=${part}]`)?.value ?? '';
    trigger('select', {act, id, first: value('first'), second: value('second')});
  }
  if (act === 'filter') { used = `[data-act=filter][data-name=${name}]`; send({filter: name}); }
  if (act === 'page') { used = `[data-act=page][data-name=${name}]`; send({page: Number(button.dataset.page)}); }
});
element.addEventListener('change', (event) => {
  const choice = event.target.dataset?.choice;
  if (!choice) return;
  used = `[data-choice=${choice}]`;
  send({});
});
new MutationObserver(() => {
  if (!used) return;
  const control = element.querySelector(used);
  if (control && !control.disabled) control.focus({preventScroll: true});
  used = '';
}).observe(element, {childList: true, subtree: true});
"""


def items_view(
    table: ItemTable,
    choice: Choice,
    task: Task | None,
    texts: Texts,
    openable: Callable[[Row], bool],
    heading: str = "",
) -> str:
    """The whole browser; ``openable`` says which rows have a button that opens them in Explore."""
    first, second = choice.pair(table)
    page = page_of(table, choice)
    filter_name = choice.filter if choice.filter in page.counts else "all"
    lead = (
        "" if any(row.query.text for row in table.rows) else f'<p class="quiet">{escape(texts("items.no_texts"))}</p>'
    )
    title = f'<h2 class="heading">{escape(heading)}</h2>' if heading else ""
    return (
        f'<div class="agl items" dir="{texts.direction}" data-filter="{filter_name}">{title}{lead}'
        f"{_choices(table, choice, first, second, texts)}{_filters(page, filter_name, texts)}{_pager(page, texts)}"
        f"{_rows(table, page.rows, first, second, task, texts, openable)}{_pager(page, texts) if page.total > PAGE else ''}</div>"
    )


def _choices(table: ItemTable, choice: Choice, first: ItemSystem, second: ItemSystem, texts: Texts) -> str:
    """The pair that is compared, and the language."""
    options = [(str(index), table.title(system, texts)) for index, system in enumerate(table.systems)]
    chosen = {"first": str(table.systems.index(first)), "second": str(table.systems.index(second))}
    listed = ""
    if len(table.systems) > 1:
        listed = "".join(_select(name, texts(f"items.{name}"), options, value) for name, value in chosen.items())
    languages = table.languages
    if len(languages) > 1:
        named = sorted((language_label(code), code) for code in languages)
        codes = [("", texts("items.all_languages")), *((code, f"{name} ({languages[code]})") for name, code in named)]
        listed += _select("language", texts("results.language"), codes, choice.language)
    return f'<div class="choices">{listed}</div>' if listed else ""


def _select(name: str, label: str, options: Sequence[tuple[str, str]], chosen: str) -> str:
    inside = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(text)}</option>'
        for value, text in options
    )
    return f'<label><span>{escape(label)}</span><select data-choice="{name}">{inside}</select></label>'


def _filters(page: PageOfRows, chosen: str, texts: Texts) -> str:
    """Buttons, each with how many rows it leaves."""
    buttons = "".join(
        f'<button type="button" class="filter" data-act="filter" data-name="{name}" aria-pressed="{str(name == chosen).lower()}">'
        f"{escape(texts(f'items.filter_{name}'))} ({count:,})</button>"
        for name, count in page.counts.items()
    )
    return f'<div class="acts filters" role="group" aria-label="{escape(texts("items.filter"))}">{buttons}</div>'


def _pager(page: PageOfRows, texts: Texts) -> str:
    """Which rows these are, and the way to the others."""
    last = page.first + len(page.rows)
    values = {"first": f"{page.first + bool(page.rows):,}", "last": f"{last:,}", "total": f"{page.total:,}"}
    rows = f'<span role="status">{escape(texts("items.rows", **values))}</span>'
    if page.pages == 1:
        return f'<div class="pager">{rows}</div>'
    moves = (
        ("start", "⇤", 0),
        ("previous", "←", page.page - 1),
        ("next", "→", page.page + 1),
        ("end", "⇥", page.pages - 1),
    )
    buttons = "".join(
        f'<button type="button" data-act="page" data-name="{name}" data-page="{target}" aria-label="{escape(texts(f"items.{name}"))}"'
        f'{"" if 0 <= target < page.pages and target != page.page else " disabled"}><span class="arrow">{sign}</span></button>'
        for name, sign, target in moves
    )
    return f'<div class="pager acts">{rows}{buttons}</div>'


def _rows(
    table: ItemTable,
    rows: Sequence[Row],
    first: ItemSystem,
    second: ItemSystem,
    task: Task | None,
    texts: Texts,
    openable: Callable[[Row], bool],
) -> str:
    pair = list(dict.fromkeys((first, second)))
    apart = list(table.systems) if len(table.systems) <= MOST_COLUMNS else pair
    folded = [system for system in table.systems if system not in apart]
    heads = "".join(f'<th scope="col">{escape(table.title(system, texts))}</th>' for system in apart)
    gold = f'<th scope="col">{escape(texts("items.gold"))}</th>' if table.labelled else ""
    others = f'<th scope="col">{hint(texts("items.others"), texts("items.others_hint"))}</th>' if folded else ""
    body = "".join(_row(table, row, apart, folded, task, texts, openable(row)) for row in rows)
    body = body or f'<tr><td colspan="9" class="quiet">{escape(texts("items.none"))}</td></tr>'
    return wide(
        texts("items.title"),
        f'<table class="queries"><thead><tr><th scope="col">{escape(texts("explore.query"))}</th>{gold}{heads}{others}</tr></thead>'
        f"<tbody>{body}</tbody></table>",
    )


def _row(
    table: ItemTable,
    row: Row,
    apart: Sequence[ItemSystem],
    folded: Sequence[ItemSystem],
    task: Task | None,
    texts: Texts,
    can_open: bool,
) -> str:
    query, code = row.query, row.query.language
    words: Mapping[str, str] = {}
    if task is not None and table.closed and not task.own_choices:
        words = task.verbaliser(row.written_in).words
    gold = (
        _cell(texts("items.gold"), spoken(words.get(query.label, query.label), row.written_in))
        if table.labelled
        else ""
    )
    cells = "".join(_cell(table.title(system, texts), _answer(table, row, system, words)) for system in apart)
    others = _cell(texts("items.others"), _others(table, row, folded, words, texts)) if folded else ""
    button = ""
    if can_open:
        name = escape(texts("batch.open", text=query.text[:60]))
        button = f'<button type="button" class="open" data-act="open" data-id="{escape(query.id)}" aria-label="{name}">↗</button> '
    text = spoken(query.text, code, "text") if query.text else f"<code>{escape(query.id)}</code>"
    return f'<tr><th scope="row">{button}{text} <span class="quiet">{escape(language_label(code))}</span></th>{gold}{cells}{others}</tr>'


def _cell(name: str, inside: str) -> str:
    """A cell that knows its column's name: on a phone it stands before the answer."""
    return f'<td data-name="{escape(name)}">{inside}</td>'


def _answer(table: ItemTable, row: Row, system: ItemSystem, words: Mapping[str, str]) -> str:
    """An answer in its own language, with whether it is right beside it, never by colour alone."""
    answer = row.answers.get(system)
    if answer is None:
        return "–"
    text = spoken(words.get(answer.label, answer.text) or "–", row.written_in)
    if not table.labelled:
        return text
    if not table.closed:
        return f'{text} <span class="figure quiet">{answer.score:.2f}</span>'
    right = row.right(system)
    return f'{text} <span class="{"right" if right else "wrong"}">{"✓" if right else "✗"}</span>'


def _others(table: ItemTable, row: Row, folded: Sequence[ItemSystem], words: Mapping[str, str], texts: Texts) -> str:
    """The other systems' answers, folded under how many of them are right."""
    here = [system for system in folded if system in row.answers]
    if not here:
        return "–"
    if table.labelled and table.closed:
        summary = texts("items.right_of", count=sum(map(row.right, here)), total=len(here))
    else:
        summary = str(len(here))
    lines = "".join(
        f"<li>{escape(table.title(system, texts))}: {_answer(table, row, system, words)}</li>" for system in here
    )
    return f"<details><summary>{escape(summary)}</summary><ul>{lines}</ul></details>"
