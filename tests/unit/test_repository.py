"""What a visitor sees first holds together: links lead somewhere, the picture is light, the commands exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_local_links_lead_to_files(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    missing = [t for t in targets if not re.match(r"https?:", t) and not (page.parent / t).exists()]
    assert missing == []


def test_the_picture_of_the_report_is_light() -> None:
    assert (ROOT / "docs" / "report.png").stat().st_size < 300_000


def test_the_readme_has_one_place_for_the_support_table() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("<!-- support:begin -->") == text.count("<!-- support:end -->") == 1
    assert text.index("<!-- support:begin -->") < text.index("<!-- support:end -->")


@pytest.mark.tool("make")
def test_every_command_that_the_pages_name_is_a_target() -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    named = {name for page in PAGES for name in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))}
    assert named <= known
    for name in named:
        subprocess.run(["make", "-n", name], cwd=ROOT, check=True, capture_output=True)


def test_the_license_is_the_whole_apache_text() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
