"""Take `docs/report.png` from a report: `python docs/make_report_picture.py build/demo/report.html`.

Needs Chromium. Without an argument the picture shows the sample record of the tests.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests" / "golden" / "report" / "sample.json"
MOST_BYTES = 300_000
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def main() -> int:
    """Write the picture; returns the exit status."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("report", nargs="?", type=Path, help="a report.html (default: the tests' sample)")
    options.add_argument("--out", type=Path, default=ROOT / "docs" / "report.png")
    options.add_argument("--size", default="1180,1540", help="width,height in pixels")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = given.report or _sample(Path(folder))
        _shoot(page.resolve(), given.out, given.size, Path(folder) / "profile")
    size = given.out.stat().st_size
    sys.stdout.write(f"{given.out}: {size:,} bytes\n")
    return int(size > MOST_BYTES)


def _sample(folder: Path) -> Path:
    from bitwright.report import read_json, render_html

    page = folder / "sample.html"
    page.write_text(render_html(read_json(SAMPLE)), encoding="utf-8")
    return page


def _shoot(page: Path, out: Path, size: str, profile: Path) -> None:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        raise SystemExit("chromium is not installed\ntry: make tools")
    flags = (*FLAGS, f"--user-data-dir={profile}", f"--screenshot={out}", f"--window-size={size}")
    subprocess.run([program, *flags, page.as_uri()], check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    sys.exit(main())
