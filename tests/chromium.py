"""A headless Chromium for tests that open a page, which are skipped without it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("selenium", reason="the page is not opened: selenium is missing (pip install -e '.[dev]')")
DRIVER = shutil.which("chromedriver")
needs_chromium = pytest.mark.skipif(
    DRIVER is None, reason="the page is not opened: Chromium is missing (apt-get install chromium chromium-driver)"
)
_PATIENCE = 60  # seconds


@contextmanager
def open_chromium() -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def set_width(driver: Any, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def wait(until: Callable[[], Any]) -> Any:
    end = time.monotonic() + _PATIENCE
    while not (found := until()):
        assert time.monotonic() < end, "the page did not get there"
        time.sleep(0.05)
    return found


def press(driver: Any, *keys: str) -> None:
    driver.switch_to.active_element.send_keys(*keys)
