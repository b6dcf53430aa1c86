"""The report as one HTML page that needs nothing else: no network, no library, readable without script."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from bitwright.report import figures, words
from bitwright.report.certificate import sections
from bitwright.report.codec import to_dict
from bitwright.report.headline import tiles, verdict
from bitwright.report.page import embedded, static, template
from bitwright.report.record import CostRow, LayerRow, Report, VerifyRow

__all__ = ["render_html"]

MOST_RECORD_LETTERS = 300_000


def render_html(report: Report) -> str:
    """`report` as one self-contained HTML document, below 1 MB for networks of some hundred layers.

    All text of the report is escaped. Raises `ToolMissing` without jinja2.
    """
    layers = report.layers
    return template("page.html.jinja").render(
        report=report,
        css=static("page.css"),
        script=static("page.js"),
        record=embedded(_record(report)),
        facts=_facts(report),
        verdict=verdict(report),
        chain=_chain(report.links),
        tiles=tiles(report),
        bits=figures.bits_figure(layers),
        luts=figures.luts_figure(layers),
        cost=figures.cost_figure(report.cost),
        cost_lead=_cost_lead(report.cost),
        ranges=figures.ranges_figure(layers),
        schedule=figures.schedule_figure(report.schedule),
        layers=_layers(layers),
        verification=_verification(report.verification),
        certificate=sections(to_dict(report)["certificate"]),
        repeat_lead=_repeat_lead(report),
    )


def _record(report: Report) -> dict[str, Any]:
    """The record for the page's own save button; a huge certificate stays in report.json."""
    tree = to_dict(report)
    is_long = len(json.dumps(tree, ensure_ascii=False)) > MOST_RECORD_LETTERS
    return tree | {"certificate": {}} if is_long else tree


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
