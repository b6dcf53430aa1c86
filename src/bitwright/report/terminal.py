"""The report as text: tables with rules and colors on a terminal, plain lines in a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from bitwright.report import words
from bitwright.report.headline import tiles, verdict
from bitwright.report.record import LayerRow, Report

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

__all__ = ["TONES", "lines_of_table", "printed", "render_terminal"]

NUMBERS = ("LUT", "FF", "predicted", "synthesized", "off by")
TONES = {"good": "bold green", "bad": "bold red", "open": "bold yellow"}


def render_terminal(report: Report, *, color: bool | None = None, width: int | None = None) -> str:
    """`report` as text of at most `width` columns (the terminal's own, or 110 elsewhere).

    `color` None means: escape codes only when standard output is a terminal. What the report does
    not know is left out.
    """
    return printed(lambda ruled: _parts(report, ruled), color=color, width=width)


def printed(parts: Callable[[bool], Iterable[RenderableType]], *, color: bool | None, width: int | None) -> str:
    """What rich makes of `parts(ruled)`; see `render_terminal` for color and width."""
    from rich.console import Console

    is_terminal = sys.stdout.isatty() if color is None else color
    console = Console(
        file=io.StringIO(),
        force_terminal=is_terminal,
        color_system="standard" if is_terminal else None,
        width=width or (None if sys.stdout.isatty() else 110),
        highlight=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        for part in parts(is_terminal):
            console.print(part, soft_wrap=isinstance(part, str))
    # Padding at the ends of lines is invisible and makes diffs noisy.
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _parts(report: Report, ruled: bool) -> Iterable[RenderableType]:
    from rich.text import Text

    facts = (report.model, report.dataset, report.device, report.architecture)
    yield Text.assemble((report.title, "bold"), "  ", (", ".join(filter(None, facts)), "dim"))
    said = verdict(report)
    yield Text(said.headline, style=TONES[said.state])
    yield Text(said.detail, style="dim")
    yield lines_of_table(ruled, ("", "", ""), _headlines(report))
    if report.layers:
        yield lines_of_table(
            ruled, ("layer", "kind", "bits", "format", "exact", "LUT", "FF"), map(_layer, report.layers)
        )
    if report.cost:
        yield lines_of_table(ruled, ("resource", "predicted", "synthesized", "off by"), _costs(report))
    if report.timing:
        yield Text(report.timing.statement, style="dim")
    for line in (*report.notes, *(f"$ {command}" for command in report.commands)):
        yield Text(line)


def lines_of_table(
    ruled: bool, header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[str] = NUMBERS
) -> Table:
    """A table with a rule below the header, or plain columns; those called as in `numbers` stand to the right."""
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE_HEAD if ruled else None, show_header=any(header), pad_edge=False, header_style="dim"
    )
    for index, name in enumerate(header):
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(*map(_plain, row))
    return table


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _headlines(report: Report) -> list[tuple[str, str, str]]:
    lines: list[tuple[str, str, str]] = []
    for tile in tiles(report):
        lines += [(f"{tile.name}, {name}", value, note or tile.note) for name, value, note in tile.parts]
        if not tile.parts:
            lines.append((tile.name, f"{tile.value} {tile.unit}".rstrip(), tile.note))
    return lines


def _layer(layer: LayerRow) -> tuple[str, ...]:
    exact = "yes" if layer.exact else f"no: {layer.why}"
    luts, ffs = words.count(layer.luts_predicted), words.count(layer.ffs_predicted)
    return layer.name, layer.kind, words.bits(layer.weight_bits), layer.output_format, exact, luts, ffs


def _costs(report: Report) -> list[tuple[str, ...]]:
    return [
        (
            row.quantity,
            words.count(row.predicted),
            words.count(row.synthesized),
            words.signed_percent(row.error),
        )
        for row in report.cost
    ]
