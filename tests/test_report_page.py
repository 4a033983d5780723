"""A report works in a browser: charts, filters and search, by pointer and keyboard, and without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labels.tables.writers import table_writer
from tagging.rows import TYPES
from tests.chromium import needs_chromium, open_chromium, press, set_width, wait
from tests.conftest import demarche
from tests.report_tags import NASTY, world

pytestmark = [needs_chromium, pytest.mark.xdist_group("report")]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    with table_writer(folder / "tags.parquet", TYPES) as write:
        write(world())
    assert demarche("report", folder / "tags.parquet", "--out", folder / "report.html").exit_code == 0
    return folder / "report.html"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with open_chromium() as driver:
        yield driver


@pytest.fixture
def browser(chromium: Any, page: Path) -> Any:
    """The browser with the page newly opened."""
    set_width(chromium, 1280)
    chromium.get(page.as_uri())
    wait(lambda: drawn(chromium))
    return chromium


def drawn(driver: Any) -> int:
    return int(driver.execute_script("return document.body.dataset.drawn || 0"))


def shown(driver: Any) -> list[str]:
    return [each.text for each in driver.find_elements("css selector", ".passage > p")]


def matches(driver: Any) -> str:
    return str(driver.find_element("id", "matches").text)


def test_the_page_asks_the_network_for_nothing_and_reports_no_error(browser: Any, page: Path) -> None:
    logs = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [log["params"]["request"]["url"] for log in logs if log["method"] == "Network.requestWillBeSent"]
    assert [url for url in requests if url.startswith("file:")] == [page.as_uri()]
    assert not [url for url in requests if not url.startswith(("file:", "data:"))]
    assert browser.get_log("browser") == []


def test_the_policy_of_the_page_lets_nothing_else_run(browser: Any) -> None:
    browser.execute_script(
        "const script = document.createElement('script'); script.textContent = 'window.nasty = 1'; document.body.append(script);"
        "const image = new Image(); image.src = 'https://example.org/x.png'; document.body.append(image);"
    )
    assert browser.execute_script("return window.nasty") is None
    refused = wait(lambda: [log["message"] for log in browser.get_log("browser")])
    assert all("Content Security Policy" in message for message in refused)


def test_a_passage_that_is_markup_is_shown_as_text(browser: Any) -> None:
    assert NASTY in browser.execute_script(
        "return [...document.querySelectorAll('.passage > p')].map((each) => each.textContent)"
    )
    assert not browser.find_elements("css selector", "main img")
    addresses = [link.get_attribute("href") for link in browser.find_elements("css selector", "article a")]
    assert addresses == ["https://example.org/tea"]


def test_filters_work_by_keyboard(browser: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.execute_script("document.querySelector('.skip').focus()")
    press(browser, Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("name") == "topic"
    outline = browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "the focus can be seen"
    press(browser, "t")
    assert matches(browser) == "4 passages in 3 articles"
    press(browser, Keys.TAB)
    press(browser, "f")
    assert matches(browser) == "2 passages in 2 articles"
    for _ in range(6):
        press(browser, Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("id") == "clear"
    press(browser, Keys.ENTER)
    assert matches(browser) == "7 passages in 3 articles"


def test_search_finds_words_of_passages_and_titles(browser: Any) -> None:
    field = browser.find_element("name", "text")
    field.send_keys("KETTLES Samovars")
    wait(lambda: matches(browser) == "1 passage in 1 article")
    assert [mark.text for mark in browser.find_elements("css selector", "mark")] == ["Kettles", "Samovars"]
    field.send_keys(" (")
    wait(lambda: matches(browser) == "0 passages in 0 articles")


def test_a_click_on_a_bar_filters_to_its_passages(browser: Any) -> None:
    bars = browser.find_elements("css selector", "#over-time .mark-rect path")
    assert len(bars) == 4
    before = drawn(browser)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", bars[0])
    bars[0].click()
    wait(lambda: drawn(browser) > before)
    selected = browser.execute_script(
        "return ['topic', 'from', 'to'].map((name) => form.elements[name].selectedOptions[0].text)"
    )
    assert selected in (["rain", "2024-01", "2024-01"], ["tea", "2024-01", "2024-01"])
    assert len(shown(browser)) == 1
    assert browser.switch_to.active_element.get_attribute("id") == "passages"


def test_the_table_of_a_chart_filters_as_its_bars_do(browser: Any) -> None:
    browser.execute_script("document.querySelector('#by-source details').open = true")
    button = wait(lambda: browser.find_elements("css selector", "#by-source td button"))[0]
    assert button.get_attribute("aria-label").startswith("Show ")
    button.send_keys("\ue007")
    assert browser.execute_script("return form.elements.source.value") != ""
    assert len(shown(browser)) >= 1


def test_copies_count_if_they_are_to(browser: Any) -> None:
    from selenium.webdriver.support.ui import Select

    Select(browser.find_element("name", "source")).select_by_visible_text("Town Post")
    assert matches(browser) == "3 passages in 1 article"
    Select(browser.find_element("name", "per")).select_by_visible_text("every copy")
    assert matches(browser) == "5 passages in 2 articles"
    Select(browser.find_element("name", "show")).select_by_visible_text("shares")
    wait(lambda: browser.find_elements("css selector", "#over-time .mark-symbol path"))


def test_what_is_for_review_can_be_chosen(browser: Any) -> None:
    from selenium.webdriver.support.ui import Select

    Select(browser.find_element("name", "status")).select_by_visible_text("for review")
    assert shown(browser) == ["Samovars steam while gutters drip.", "A kettle, perhaps."]


@pytest.mark.parametrize("width", [320, 375, 768])
def test_no_width_needs_scrolling_sideways(browser: Any, width: int) -> None:
    set_width(browser, width)
    wait(lambda: browser.execute_script("return innerWidth") == width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_dark_is_dark_and_every_field_has_a_label(browser: Any) -> None:
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    page, ink = (
        browser.execute_script(f"return getComputedStyle(document.body).{each}")
        for each in ("backgroundColor", "color")
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert max(map(int, page[4:-1].split(","))) < 60 < 180 < min(map(int, ink[4:-1].split(",")))
    unlabelled = "return [...form.elements].filter((each) => each.tagName !== 'BUTTON' && !each.labels.length).length"
    assert browser.execute_script(unlabelled) == 0
    charts = browser.find_elements("css selector", ".chart")
    assert all(chart.get_attribute("role") == "img" and chart.get_attribute("aria-label") for chart in charts)


def test_corrected_shares_are_shown_with_their_intervals_and_cautions(browser: Any) -> None:
    total = {"topic": "tea", "stance": None, "period": "2024-01", "passages": 4, "share": 0.5, "corrected": 0.4}
    corrected = total | {"low": 0.3, "high": 0.55, "method": "read by people", "caution": "Few were read."}
    browser.execute_script(
        "DATA.totals = arguments[0]; DATA.assumption = 'Nobody has read.'; fillShares()", [corrected]
    )
    assert browser.find_element("css selector", "#shares .doubt").text == "Nobody has read."
    rows = browser.find_elements("css selector", "#shares tr")
    assert rows[-1].text == "tea [1] 2024-01 4 50 % 40 % 30 % to 55 % read by people"
    assert browser.find_elements("css selector", "#shares .note")[-1].text == "[1] Few were read."
