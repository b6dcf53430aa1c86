"""The report of a search as text: the answer, the front, and where the rest is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bitwright.report import words
from bitwright.report.search_headline import accuracy_words, search_tiles, search_verdict, split_words
from bitwright.report.search_record import SearchPoint, SearchReport
from bitwright.report.terminal import TONES, lines_of_table, printed

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["render_search_terminal"]

_NUMBERS = ("accuracy", "LUT", "measured", "DSP", "latency", "energy", "bits")
MOST_ROWS = 40


def render_search_terminal(report: SearchReport, *, color: bool | None = None, width: int | None = None) -> str:
    """`report` as text of at most `width` columns (the terminal's own, or 110 elsewhere): the front, else all points.

    `color` None means: escape codes only when standard output is a terminal.
    """
    return printed(lambda ruled: _parts(report, ruled), color=color, width=width)


def _parts(report: SearchReport, ruled: bool) -> Iterable[RenderableType]:
    from rich.text import Text

    facts = (report.method, report.dataset, report.device)
    yield Text.assemble((report.title, "bold"), "  ", (", ".join(filter(None, facts)), "dim"))
    said = search_verdict(report)
    yield Text(said.headline, style=TONES[said.state])
    yield Text(said.detail, style="dim")
    headlines = [(tile.name, f"{tile.value} {tile.unit}".rstrip(), tile.note) for tile in search_tiles(report)]
    yield lines_of_table(ruled, ("", "", ""), headlines)
    shown = report.front or report.points
    if shown:
        header = ("point", "accuracy", "LUT", "measured", "DSP", "latency", "energy", "bits", "limits", "verified")
        yield lines_of_table(ruled, header, map(_row, shown[:MOST_ROWS]), _NUMBERS)
        yield Text(f"{report.metric.capitalize()} {split_words(report)}.", style="dim")
    left = len(report.points) - len(shown[:MOST_ROWS])
    more = [f"{left} more point{'s' * (left != 1)} in the report."] if left else []
    for line in (*more, *report.notes, *(f"$ {command}" for command in report.commands)):
        yield Text(line)


def _row(point: SearchPoint) -> tuple[str, ...]:
    return (
        point.name,
        accuracy_words(point),
        words.count(point.luts),
        words.count(point.measured_luts),
        words.count(point.dsps),
        words.NOT_KNOWN if point.latency_ns is None else words.time_ns(point.latency_ns),
        words.energy(point.energy_pj),
        words.count(point.bits),
        "kept" if point.feasible else "not kept",
        "yes" if point.verified else "no",
    )
