"""Takes the pictures in assets/figures from the running app: ``make screenshots``."""

import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from chromium import ANSWERED, CHROMIUM, FLAGS
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "assets" / "figures"
PORT = 7899


def main() -> None:
    """Start the app on fresh ratings, take the pictures, stop it."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, str(ROOT / "app" / "main.py"), "--port", str(PORT), "--data", data]
        with subprocess.Popen([*command, "--cache", str(ROOT / "data" / "cache")]) as process:
            wait()
            with sync_playwright() as play:
                browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                page = browser.new_page(viewport={"width": 1440, "height": 1020})
                page.goto(f"http://127.0.0.1:{PORT}/?__theme=light")
                page.wait_for_selector(ANSWERED, timeout=120_000)
                page.wait_for_timeout(2500)
                page.screenshot(path=FIGURES / "explore.png")
                page.locator("#send").click()
                page.wait_for_selector("#explore-sent .message")
                page.get_by_role("tab", name="Rate").click()
                page.goto(f"http://127.0.0.1:{PORT}/{page.locator('#rate-open a').get_attribute('href')}")
                page.locator("#rated").select_option(index=1)
                page.locator("#skill").select_option("good")
                page.locator("#begin").click()
                page.wait_for_selector("#fields .row")
                page.wait_for_timeout(1000)
                page.screenshot(path=FIGURES / "rate.png")
                browser.close()
            process.terminate()


def wait() -> None:
    """Until the app answers."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise SystemExit("the app did not start")


if __name__ == "__main__":
    main()
