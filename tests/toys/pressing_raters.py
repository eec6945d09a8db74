"""Raters in browsers who press what the page shows and remember it: by a script inside the page, by keyboard, by mouse or finger.

Nothing here asks the server or the store. What was pressed is known by the texts that stood on the page, so a test can compare it with
what was stored without trusting what was stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chromium import PATIENCE_MS
from playwright.sync_api import Page, expect

Answers = Mapping[str, int | str]  # criterion -> point, or NOT_APPLICABLE
NOT_APPLICABLE = "not_applicable"
# A hurried rater: presses the page's own buttons, and goes on when the page says that her answers are saved.
SCRIPT = """(patience) => { window.rater = (() => {
  const $ = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  async function until(found, what) {
    const began = performance.now();
    for (let seen; ; await new Promise((resolve) => setTimeout(resolve, 12))) {
      if ((seen = found())) return seen;
      const waited = performance.now() - began;
      if (waited > patience) throw new Error(`waited for ${what}; the page shows: ${document.body.innerText.slice(0, 500)}`);
    }
  }
  const place = (row) => [row.id.split('-')[1], row.id.split('-').slice(2).join('-')];
  const number = (text) => Number(/\\d+/.exec(text)[0]);
  const answer = (one) => [place(one.querySelector('.row'))[0], one.querySelector('.output').textContent];
  const item = () => ({ position: number($('#item').textContent), texts: Object.fromEntries(all('#fields .answer').map(answer)) });
  function write(box, text) {
    box.value = text;
    box.dispatchEvent(new Event('input'));
  }
  function press(row, value) {
    const point = row.querySelector(value === 'not_applicable' ? '.none input' : `input[type=radio][value="${value}"]`);
    if (point) point.click();
    else write(row.querySelector('.track input[type=text]'), String(value));
  }
  const ready = () => $('#thanks') || ($('#item') && $('#fields') && !$('#fields').disabled);
  const gone = (position) => ready() && ($('#thanks') || item().position !== position);
  const saved = (position) => until(() => $('#state').className === 'saved' && gone(position), 'a receipt');
  async function rate(opinions, otherwise, most, plan) {
    const pressed = [];
    while (pressed.length < most) {
      await until(ready, 'an item');
      if ($('#thanks')) break;
      const { skip = null, comment = null } = plan[pressed.length] ?? {};
      const one = { ...item(), values: {}, comment, skip };
      for (const row of skip ? [] : all('#fields .row')) {
        const [letter, criterion] = place(row);
        const value = (opinions[one.texts[letter]] ?? otherwise)[criterion];
        press(row, value);
        (one.values[letter] ??= {})[criterion] = value;
      }
      if (comment) write($('#comment'), comment);
      if (skip) $('#reason').value = skip;
      $(skip ? '#skip' : '#save').click();
      pressed.push(one);
      await saved(one.position);
    }
    return pressed;
  }
  async function enter(skill) {
    (await until(() => $('#skill'), 'the form')).value = skill;
    $('#begin').click();
    await until(() => $('#agree'), 'the consent text');
  }
  async function prepare(expected) {
    $('#agree').click();
    for (;;) {
      const check = await until(() => ($('#item') || $('#not-passed') ? {} : $('#check:not(:disabled)')), 'practice');
      if (!check.click) return Boolean($('#item'));
      const text = $('#fields:not(:disabled) .output')?.textContent;
      if (text) for (const row of all('#fields .row')) press(row, expected[text][place(row)[1]]);
      check.click();
      await until(() => $('#check') !== check, 'what comes next');
    }
  }
  return { item, saved, rate, enter, prepare };
})(); }"""


@dataclass(frozen=True)
class Pressed:
    """One save of one item: everything that was on the page and everything that was pressed."""

    position: int
    texts: Mapping[str, str]  # letter -> answer that stood under it
    values: Mapping[str, Answers]  # by letter; {} where the item was skipped
    comment: str | None = None
    skip: str | None = None  # the reason


@dataclass
class Rater:
    """A person at a page. ``opinions``: what she thinks of each answer by its text; ``otherwise``: of any that she does not expect."""

    name: str
    language: str
    page: Page
    opinions: Mapping[str, Answers]
    otherwise: Answers
    pressed: list[Pressed] = field(default_factory=list)  # in the order of saving

    def __post_init__(self) -> None:
        self.page.evaluate(SCRIPT, PATIENCE_MS)

    def shows(self, page: Page) -> None:
        """Goes on in another page."""
        self.page = page
        page.evaluate(SCRIPT, PATIENCE_MS)

    def comes_back(self) -> None:
        """Opens the address again, which by now names no secret."""
        self.page.reload()
        expect(self.page.locator("#item, #thanks")).to_be_visible()
        self.page.evaluate(SCRIPT, PATIENCE_MS)

    def enters(self) -> None:
        """Says how well she knows the language; the consent text then stands there."""
        self.page.evaluate("() => rater.enter('native')")

    def prepares(self, expected: Mapping[str, Answers]) -> bool:
        """Agrees, practises and takes the test, with ``expected`` by text; whether she then has an item to rate."""
        return bool(self.page.evaluate("(expected) => rater.prepare(expected)", expected))

    def begins(self, most: int = 1_000, plan: Mapping[int, Mapping[str, str]] | None = None) -> None:
        """Rates so many items or all that she gets, while others do likewise; ``plan``: a comment or a skip by her how-manieth item."""
        words = {str(number): dict(what) for number, what in (plan or {}).items()}
        start = "(given) => { window.turn = rater.rate(...given); window.turn.catch(() => {}); }"
        self.page.set_viewport_size(
            {"width": 320, "height": 160}
        )  # nobody looks, and painting is most of a page's work
        self.page.evaluate(start, [self.opinions, self.otherwise, most, words])

    def ends(self) -> None:
        """Waits for what she began."""
        self.pressed += [Pressed(**one) for one in self.page.evaluate("() => window.turn")]

    def item(self) -> Pressed:
        """The item on her page and what she thinks of it; nothing is pressed yet."""
        shown = self.page.evaluate("() => rater.item()")
        values = {letter: dict(self.opinions.get(text, self.otherwise)) for letter, text in shown["texts"].items()}
        return Pressed(shown["position"], shown["texts"], values)

    def saved(self, one: Pressed) -> None:
        """Waits until the page says that it is saved and shows another, and remembers it."""
        self.page.evaluate("(position) => rater.saved(position)", one.position)
        self.pressed.append(one)


def press_keys(page: Page, values: Mapping[str, Answers]) -> None:
    """All answers of an item by keyboard alone, from the page as it opens; the last Enter saves them."""
    for answers in values.values():
        for criterion, value in answers.items():
            slider = criterion == "quality"
            if value != NOT_APPLICABLE:
                page.keyboard.type(str(value))
                keys: Sequence[str] = ("Enter",) if slider else ()
            else:
                keys = ("Tab", "Tab", "Space", "Enter") if slider else ("ArrowLeft", "Tab")
            for key in keys:
                page.keyboard.press(key)


def press_points(page: Page, values: Mapping[str, Answers], how: Callable[[Any], None]) -> None:
    """All answers of an item by mouse or finger: ``how`` presses what a locator finds."""
    for letter, answers in values.items():
        for criterion, value in answers.items():
            row = page.locator(f"#row-{letter}-{criterion}")
            if value == NOT_APPLICABLE:
                how(row.locator(".none"))
            elif criterion == "quality":
                how(row.locator(".track input[type=text]"))
                page.keyboard.type(str(value))
            else:
                how(row.locator(".point").nth(int(value) - 1))


def tab_to(page: Page, selector: str) -> None:
    """By the Tab key alone, as far as it takes."""
    for _ in range(40):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached by Tab")
