"""How long pages take until they are there, printed: ``make bench``. Nothing here fails on a slow machine."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from .conftest import open_site, ready

pytestmark = pytest.mark.slow

WAITING, TIMES = 200, 5
# What a page has to show to count as loaded.
PAGES = {"/": "#note", "/queue": "#list-heading", "/dashboard": "#content svg"}


def test_page_load(browser: Browser, migrated: Path, tmp_path: Path):
    """Until the document is parsed, until all it names is loaded, and until it shows what it asked the API for."""
    with open_site(browser, migrated, tmp_path) as site:
        for n in range(WAITING):
            site.submit(f"bridging {15 + n % 60} stairs {15 + n % 30} flag:no_unit {n}")
        page = site.page("cora", "/queue")
        assert page.locator("#list-heading").inner_text() == f"What waits ({WAITING})"
        for path, shown in PAGES.items():
            taken = []
            for _ in range(TIMES):
                page.goto(site.url + path)
                ready(page)
                page.locator(shown).first.wait_for()
                taken.append(
                    page.evaluate(
                        "() => { const told = performance.getEntriesByType('navigation')[0];"
                        " return [told.domContentLoadedEventEnd, told.loadEventEnd, performance.now()]; }"
                    )
                )
            parsed, loaded, there = (statistics.median(each) for each in zip(*taken, strict=True))
            print(
                f"\n{path}, {WAITING} notes wait: parsed {parsed:.0f} ms, loaded {loaded:.0f} ms, shown {there:.0f} ms"
            )
