"""Label a task in Label Studio's page as a person does, in headless Chromium, and take a picture of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from benchmarks.screenshots import HEIGHT, WIDTH, chromedriver

_PATIENCE = 120  # seconds
_PLACE = """
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; (node = walker.nextNode());) {
  const at = node.data.indexOf(arguments[0]);
  if (at >= 0 && node.parentElement.closest('[class*=richtext]')) {
    const range = document.createRange();
    range.setStart(node, at + 1);
    range.setEnd(node, at + 2);
    const box = range.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  }
}
return null;
"""
"""Where a word is on the page, in the text to label."""


class Browser:
    """Chromium, in which a user is logged in."""

    def __init__(self, address: str, email: str, password: str) -> None:
        options = webdriver.ChromeOptions()
        for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--window-size={WIDTH},{HEIGHT}"):
            options.add_argument(flag)
        self.driver = webdriver.Chrome(options=options, service=Service(chromedriver()))
        self.address = address
        self.driver.get(f"{address}/user/login/")
        self.driver.find_element(By.NAME, "email").send_keys(email)
        self.driver.find_element(By.NAME, "password").send_keys(password)
        self.driver.find_element(By.CSS_SELECTOR, "[type=submit]").click()
        self._until(lambda driver: "login" not in driver.current_url)

    def _until(self, condition: Any) -> Any:
        return WebDriverWait(self.driver, _PATIENCE).until(condition)

    def _open(self, project: int, task: int) -> None:
        self.driver.get(f"{self.address}/projects/{project}/data?task={task}")
        self._until(lambda driver: driver.find_elements(By.CSS_SELECTOR, "[class*=richtext]"))
        time.sleep(4)

    def _click(self, xpath: str) -> None:
        # The page has the blocks of all topics, and hides those that are not chosen.
        self._until(lambda driver: [e for e in driver.find_elements(By.XPATH, xpath) if e.is_displayed()])[0].click()
        time.sleep(1)

    def label(self, project: int, task: int, *, topic: str, stance: str, evidence: str) -> None:
        """Choose a topic and its stance, mark a word as evidence, and submit."""
        self._open(project, task)
        self._click(f"//*[starts-with(normalize-space(text()), '{topic}')]")
        self._click(f"//*[starts-with(normalize-space(text()), '{stance}')]")
        self._click(f"//*[contains(text(), 'evidence: {topic}')]")
        x, y = self.driver.execute_script(_PLACE, evidence)
        actions = ActionChains(self.driver)
        actions.w3c_actions.pointer_action.move_to_location(int(x), int(y))
        actions.w3c_actions.pointer_action.double_click()
        actions.perform()
        time.sleep(1)
        self._click("//button[contains(., 'Submit')]")
        time.sleep(3)

    def picture(self, project: int, task: int, file: Path) -> None:
        """Take a picture of a task that is labelled."""
        self._open(project, task)
        self.driver.save_screenshot(str(file))
        print(f"{file}: {file.stat().st_size // 1000} kB")
