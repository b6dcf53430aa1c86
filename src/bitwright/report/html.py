"""The report as one HTML page that needs nothing else: no network, no library, readable without script."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitwright.core.errors import ToolMissing
from bitwright.report import figures, words
from bitwright.report.certificate import sections
from bitwright.report.codec import to_dict
from bitwright.report.headline import tiles, verdict
from bitwright.report.record import CostRow, LayerRow, Report, VerifyRow

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["render_html"]

HERE = Path(__file__).parent
MOST_RECORD_LETTERS = 300_000


def render_html(report: Report) -> str:
    """`report` as one self-contained HTML document, below 1 MB for networks of some hundred layers.

    All text of the report is escaped. Raises `ToolMissing` without jinja2.
    """
    layers = report.layers
    return _template().render(
        report=report,
        css=_static("page.css"),
        script=_static("page.js"),
        record=_record(report),
        facts=_facts(report),
        verdict=verdict(report),
        chain=_chain(report.links),
        tiles=tiles(report),
        bits=figures.bits_figure(layers),
        luts=figures.luts_figure(layers),
        cost=figures.cost_figure(report.cost),
        cost_lead=_cost_lead(report.cost),
        ranges=figures.ranges_figure(layers),
        layers=_layers(layers),
        verification=_verification(report.verification),
        certificate=sections(to_dict(report)["certificate"]),
        repeat_lead=_repeat_lead(report),
    )


@cache
def _template() -> Template:
    try:
        import jinja2
    except ImportError as error:
        raise ToolMissing(
            "jinja2 is not installed", where="HTML report", remedy="pip install 'bitwright[report]'"
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["count"] = words.count
    return environment.get_template("page.html.jinja")


def _static(name: str) -> Any:
    from markupsafe import Markup

    return Markup((HERE / name).read_text(encoding="utf-8"))


def _record(report: Report) -> Any:
    """The record for the page's own save button; a huge certificate stays in report.json."""
    from markupsafe import Markup

    tree = to_dict(report)
    text = json.dumps(tree, ensure_ascii=False, allow_nan=False)
    if len(text) > MOST_RECORD_LETTERS:
        text = json.dumps(tree | {"certificate": {}}, ensure_ascii=False, allow_nan=False)
    # Inside a script element only "<" can end it or open a comment.
    return Markup(text.replace("<", "\\u003c"))


def _facts(report: Report) -> list[str]:
    clock = f"{report.timing.clock_mhz:g} MHz" if report.timing else ""
    seed = "" if report.seed is None else f"seed {report.seed}"
    facts = (
        report.model,
        report.dataset,
        report.device,
        report.architecture,
        clock,
        seed,
        words.moment(report.created),
    )
    return [fact for fact in facts if fact]


def _chain(links: Sequence[VerifyRow]) -> Sequence[VerifyRow]:
    """`links` when each starts where the last one ended; nothing otherwise (the table has them)."""
    joined = all(here.after == there.before for here, there in pairwise(links))
    return links if joined else ()


def _cost_lead(cost: Sequence[CostRow]) -> str:
    tools = ", ".join(dict.fromkeys(row.tool for row in cost if row.tool and row.synthesized is not None))
    return f"Counts by {tools}." if tools else "Predicted by the cost model; run bitwright synth to measure."


def _layers(layers: Iterable[LayerRow]) -> dict[str, Any]:
    header = (
        *("layer", "kind", "output", "parameters", "weight bits"),
        *("output format", "accumulator", "adders", "exact", "why"),
    )
    rows = [
        (
            layer.name,
            layer.kind,
            words.shape(layer.shape),
            words.count(layer.parameters),
            words.bits(layer.weight_bits),
            layer.output_format or words.NOT_KNOWN,
            layer.accumulator_format or words.NOT_KNOWN,
            words.count(layer.adders),
            "yes" if layer.exact else "no",
            layer.why,
        )
        for layer in layers
    ]
    return {"header": header, "rows": rows}


def _verification(rows: Iterable[VerifyRow]) -> list[tuple[str, ...]]:
    return [
        (
            row.before,
            row.after,
            row.data or words.NOT_KNOWN,
            words.count(row.vectors),
            words.count(row.differences),
        )
        for row in rows
    ]


def _repeat_lead(report: Report) -> str:
    seed = "" if report.seed is None else f" with seed {report.seed}"
    return f"These commands give the same integers and the same files again{seed}."
