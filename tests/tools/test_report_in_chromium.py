"""The report in a real browser: it renders, its script runs silently, nothing overflows a phone."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bitwright.report import Report, SearchReport, read_json, read_search, render_html, render_search_html

SAMPLE = Path(__file__).parents[1] / "golden" / "report" / "sample.json"
SEARCH = SAMPLE.with_name("search.json")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000",
)  # fmt: skip
PHONE = """<!doctype html><body><iframe width="390" height="800" srcdoc="{page}"></iframe><script>
addEventListener("load", () => {{
  const page = document.querySelector("iframe").contentDocument.documentElement;
  document.body.dataset.width = page.scrollWidth;
}});</script></body>"""

pytestmark = pytest.mark.tool("chromium")


@pytest.fixture(scope="module")
def sample() -> Report:
    return read_json(SAMPLE)


def browse(page: str, folder: Path) -> tuple[str, list[str]]:
    """The document after its script ran, and what it wrote to the console."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(found for name in names if (found := shutil.which(name)))
    profile = folder / "profile"
    command = [program, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_the_report_shows_its_figures_and_logs_nothing(sample: Report, tmp_path: Path) -> None:
    document, console = browse(render_html(sample), tmp_path)
    assert console == []
    assert f'data-ready="{sample.title}"' in document
    for figure in ("97.22&nbsp;%", "7,953", "0 differing bits over 426 vectors", "s12.8", "4,371"):
        assert figure.replace("&nbsp;", " ") in document
    assert not re.search(r"<button[^>]* hidden", document)


def test_a_failing_script_would_be_noticed(sample: Report, tmp_path: Path) -> None:
    page = render_html(sample).replace('"use strict";', '"use strict"; undefinedFunction();')
    document, console = browse(page, tmp_path)
    assert any("undefinedFunction" in line for line in console)
    assert "data-ready=" not in re.sub(r"<script.*?</script>", "", document, flags=re.S)


def test_nothing_sticks_out_at_phone_width(sample: Report, tmp_path: Path) -> None:
    document, _ = browse(PHONE.format(page=html.escape(render_html(sample))), tmp_path)
    width = re.search(r'data-width="(\d+)"', document)
    assert width
    assert int(width[1]) <= 390


@pytest.fixture(scope="module")
def search() -> SearchReport:
    return read_search(SEARCH)


def test_the_search_page_sorts_its_points_shows_details_and_logs_nothing(search: SearchReport, tmp_path: Path) -> None:
    acts = """
      const heads = [...document.querySelectorAll(".sortable thead button")];
      const luts = heads.find((head) => head.textContent === "LUT predicted");
      const order = () => [...document.querySelectorAll(".sortable tbody tr")].map((row) => row.dataset.layer).join();
      luts.click(); document.body.dataset.rising = order();
      luts.click(); document.body.dataset.falling = order();
      const over = new PointerEvent("pointerenter", { clientX: 9, clientY: 9 });
      document.querySelector(".mark-of.front").dispatchEvent(over);
      document.body.dataset.tip = document.getElementById("tip").innerText;"""
    page = render_search_html(search).replace("</body>", f"<script>{acts}</script></body>")
    document, console = browse(page, tmp_path)
    assert console == []
    assert f'data-ready="{search.title}"' in document
    rising = [point.name for point in sorted(search.points, key=lambda point: point.luts or 0)]
    assert f'data-rising="{",".join(rising)}"' in document
    assert f'data-falling="{",".join(reversed(rising))}"' in document
    assert re.search(r'data-tip="p\d\d\s[^"]*validation\s*\d', document)


def test_nothing_of_the_search_page_sticks_out_at_phone_width(search: SearchReport, tmp_path: Path) -> None:
    document, _ = browse(PHONE.format(page=html.escape(render_search_html(search))), tmp_path)
    width = re.search(r'data-width="(\d+)"', document)
    assert width
    assert int(width[1]) <= 390
