"""Scales of other lengths on the raters' page in headless Chromium: 7 and 11 points, a slider from 0 to 100, "not applicable"."""

import re
from collections.abc import Iterator

import pytest
from chromium import PATIENCE_MS
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from rater_examples import make_study
from rater_server import raters_page
from scale_examples import CRITERIA

from annotation.records import Criterion
from annotation.scales import Scale
from annotation.store import RatingStore

pytestmark = pytest.mark.browser
ELEVEN = Criterion(
    "trust",
    {"en": "How much would you rely on it?"},
    {"en": ("not at all", *("",) * 9, "fully")},
    label={"en": "Trust"},
    scale=Scale(0, 10),
)


class Raters:
    """The page over a study on four scales."""

    def __init__(self, chromium: Browser) -> None:
        self.chromium, self.store = chromium, RatingStore.open("sqlite://")
        self.study = make_study(self.store, criteria=(*CRITERIA, ELEVEN), items=2)
        self.errors: list[str] = []
        self.contexts: list[BrowserContext] = []

    def open(self, url: str, language: str = "en", width: int = 1440, **options: object) -> Page:
        context = self.chromium.new_context(viewport={"width": width, "height": 844}, **options)  # type: ignore[arg-type]
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        page.goto(f"{url}?study=topics#rater={self.store.new_rater(self.study.id, language)[1]}")
        expect(page.locator("#item")).to_be_visible()
        return page

    def values(self) -> dict[tuple[str, str], int | None]:
        return {(one.system, one.criterion): one.value for one in self.store.ratings(self.study.id)}


@pytest.fixture
def raters(chromium: Browser) -> Iterator[Raters]:
    made = Raters(chromium)
    yield made
    for context in made.contexts:
        context.close()
    made.store.close()
    assert made.errors == []


def press(button: Locator) -> None:
    """As a thumb does that has scrolled to it: bars at the top and the bottom of a phone's page cover what is not."""
    button.evaluate("one => one.scrollIntoView({ block: 'center' })")
    button.click(force=True)


def letters(raters: Raters) -> dict[str, str]:
    """System by letter, of the first item of the one rater."""
    row = raters.store.assignments(raters.study.id)[0]
    return dict(zip("AB", row.systems, strict=True))


def test_a_slider_has_no_value_until_it_is_given_and_every_answer_is_stored(raters: Raters) -> None:
    with raters_page(raters.store) as url:
        page = raters.open(url, width=390)
        slider, number = (
            page.get_by_role("slider", name="Quality, Answer A"),
            page.get_by_label("Quality, Answer A: Number from 0 to 100"),
        )
        assert slider.get_attribute("aria-valuetext") == "not rated yet" and number.input_value() == ""
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for letter, point in (("A", 5), ("B", 1)):
            press(
                page.get_by_role("radiogroup", name=f"Fluency, Answer {letter}").get_by_role("radio", name=str(point))
            )
            press(
                page.get_by_role("radiogroup", name=f"Trust, Answer {letter}").get_by_role("radio", name="0 not at all")
            )
        press(page.get_by_role("radiogroup", name="Politeness, Answer A").get_by_role("radio", name="7 courteous"))
        press(page.get_by_role("radiogroup", name="Politeness, Answer B").get_by_role("radio", name="Not applicable"))
        page.locator("#save").click()
        expect(page.locator("#note")).to_contain_text("A · Quality, B · Quality")  # the untouched middle is no answer
        assert page.locator(":focus").get_attribute("type") == "range"
        press(slider)  # in the middle, where the hidden thumb lies: it moves nothing, and counts
        expect(number).to_have_value("50")
        assert slider.get_attribute("aria-valuetext") == "50"
        press(page.get_by_role("checkbox", name="Not applicable").nth(1))
        page.locator("#save").click()
        expect(page.locator("#state.saved")).to_be_visible()
        a, b = letters(raters)["A"], letters(raters)["B"]
        assert raters.values() == {
            (a, "fluency"): 5, (a, "politeness"): 7, (a, "quality"): 50, (a, "trust"): 0,
            (b, "fluency"): 1, (b, "politeness"): None, (b, "quality"): None, (b, "trust"): 0,
        }  # fmt: skip
        page.locator("#back").click()
        expect(page.get_by_role("checkbox", name="Not applicable").nth(1)).to_be_checked()
        expect(number).to_have_value("50")
        number.fill("101")
        expect(number).to_have_attribute("aria-invalid", "true")
        page.locator("#save").click()
        expect(page.locator("#note")).to_contain_text("A · Quality")
        number.fill("٧٥")  # Arabic digits are digits
        expect(number).to_have_value("75")
        page.locator("#save").click()
        expect(page.locator("#state.saved")).to_be_visible()
        page.locator("#back").click()
        expect(page.locator("details", has_text="Earlier versions")).to_contain_text("50 → 75")
        assert raters.values()[a, "quality"] == 75


def test_all_scales_by_keyboard_alone(raters: Raters) -> None:
    with raters_page(raters.store) as url:
        page = raters.open(url)
        page.keyboard.press("4")  # fluency of A
        page.keyboard.press("8")  # not a point of 1 to 7
        page.keyboard.press("6")
        page.keyboard.type("83")  # the slider's number, which Enter leaves
        page.keyboard.press("Enter")
        page.keyboard.press("0")  # the lowest of 0 to 10
        page.keyboard.press("2")  # fluency of B
        page.keyboard.press("ArrowLeft")  # from the first point back to the last in the group: not applicable
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")  # the slider itself: one more than the middle
        page.keyboard.press("Enter")
        page.keyboard.press("9")
        page.keyboard.press("Enter")
        expect(page.locator("#state.saved")).to_be_visible()
        a, b = letters(raters)["A"], letters(raters)["B"]
        assert raters.values() == {
            (a, "fluency"): 4, (a, "politeness"): 6, (a, "quality"): 83, (a, "trust"): 0,
            (b, "fluency"): 2, (b, "politeness"): None, (b, "quality"): 51, (b, "trust"): 9,
        }  # fmt: skip


def test_ten_of_ten_is_typed_as_one_and_zero_and_one_alone_moves_on(raters: Raters) -> None:
    """The digit keys could not give 10 on a scale from 0 to 10: 0 is its lowest point."""
    with raters_page(raters.store) as url:
        page = raters.open(url)
        page.clock.install()
        page.clock.pause_at("2100-01-01")
        page.keyboard.type("44")  # fluency and politeness of A
        page.keyboard.type("50")
        page.keyboard.press("Enter")
        page.keyboard.press("1")
        expect(page.locator("#row-A-trust")).to_have_class(re.compile("marked"))  # it waits for a second digit
        page.keyboard.press("0")
        expect(page.locator("#row-A-trust input[value='10']")).to_be_checked()
        page.keyboard.type("44")  # of B
        page.keyboard.type("50")
        page.keyboard.press("Enter")
        page.keyboard.press("1")
        expect(page.locator("#row-B-trust")).to_have_class(re.compile("marked"))
        page.clock.run_for(1000)
        expect(page.locator("#save")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#state.saved")).to_be_visible()
        a, b = letters(raters)["A"], letters(raters)["B"]
        assert (raters.values()[a, "trust"], raters.values()[b, "trust"]) == (10, 1)
        expect(page.locator("#item")).to_have_text("Item 2")  # its answers take keys only then
        # Two numbers without a pause between: 1, which no point of two digits goes on, then the next row's.
        page.keyboard.type("44")
        page.keyboard.type("50")
        page.keyboard.press("Enter")
        page.keyboard.type("15")
        expect(page.locator("#row-A-trust input[value='1']")).to_be_checked()
        expect(page.locator("#row-B-fluency input[value='5']")).to_be_checked()


@pytest.mark.parametrize(("language", "width"), [("en", 390), ("ar", 390), ("ar", 1440)])
def test_points_run_from_left_to_right_and_are_large_enough_for_a_thumb(
    raters: Raters, language: str, width: int
) -> None:
    with raters_page(raters.store) as url:
        page = raters.open(url, language, width)
        for key, count, lines in (("fluency", 5, 1), ("politeness", 7, 1), ("trust", 11, 2 if width == 390 else 1)):
            points = page.locator(f"#row-A-{key} .points .point")
            boxes = [points.nth(index).bounding_box() for index in range(points.count())]
            assert len(boxes) == count and None not in boxes
            places = [(round(box["y"]), box["x"]) for box in boxes if box]
            assert places == sorted(places) and len({y for y, _ in places}) == lines
            assert min(min(box["width"], box["height"]) for box in boxes if box) >= 38
        track = page.locator("#row-A-quality .track input[type=range]").bounding_box()
        assert track is not None and track["height"] >= 44
        assert page.evaluate("document.documentElement.scrollWidth") <= width
