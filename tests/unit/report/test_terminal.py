"""The terminal's view: plain in a pipe, complete, and never wider than asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bitwright.report import Report, read_json, render_terminal

SAMPLE = Path(__file__).parents[2] / "golden" / "report" / "sample.json"


@pytest.fixture(scope="module")
def sample() -> Report:
    return read_json(SAMPLE)


def test_plain_text_has_no_escape_codes_and_color_has(sample: Report) -> None:
    assert "\x1b" not in render_terminal(sample, color=False)
    assert "\x1b[" in render_terminal(sample, color=True)


def test_the_numbers_of_the_record_are_in_the_text(sample: Report) -> None:
    text = render_terminal(sample, color=False, width=110)
    for figure in ("97.22 %", "7,953", "45 ns", "0 differing bits over 426 vectors", "fc2", "+2.4 %"):
        assert figure in text
    for command in sample.commands:
        assert f"$ {command}" in text


@pytest.mark.parametrize("width", [60, 80, 140])
def test_tables_keep_the_width(sample: Report, width: int) -> None:
    text = render_terminal(replace(sample, notes=(), commands=()), color=False, width=width)
    assert max(map(len, text.splitlines())) <= max(width, 110)
    tables = [line for line in text.splitlines() if line.startswith(("fc1 ", "LUT "))]
    assert tables
    assert all(len(line) <= width for line in tables)


def test_square_brackets_in_names_are_shown_as_they_are(sample: Report) -> None:
    layer = replace(sample.layers[1], name="net[0]/[bold]fc")
    assert "net[0]/[bold]fc" in render_terminal(replace(sample, layers=(layer,)), color=False)


def test_an_empty_report_says_that_nothing_was_verified() -> None:
    assert "Not verified yet" in render_terminal(Report(title="fresh"), color=False)


def test_the_text_is_the_same_every_time(sample: Report) -> None:
    assert render_terminal(sample, color=False, width=100) == render_terminal(sample, color=False, width=100)
