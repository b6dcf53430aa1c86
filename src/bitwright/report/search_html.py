"""The report of a search as one HTML page that needs nothing else, in the manner of the build's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bitwright.report import words
from bitwright.report.page import embedded, static, template
from bitwright.report.search_codec import search_to_dict
from bitwright.report.search_figures import heat_map, history_charts, tradeoff_chart
from bitwright.report.search_headline import accuracy_words, search_tiles, search_verdict, split_words
from bitwright.report.search_record import SearchPoint, SearchReport

__all__ = ["Column", "columns", "render_search_html"]

MOST_RECORD_LETTERS = 400_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of points: per point a text, and the number (None: unknown) to sort by."""

    title: str
    texts: tuple[str, ...]
    keys: tuple[float | str | None, ...]
    tips: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return not any(isinstance(key, str) for key in self.keys)

    @property
    def empty(self) -> bool:
        """Whether it tells nothing: unknown throughout, or zero throughout."""
        return not any(self.keys)


def render_search_html(report: SearchReport) -> str:
    """`report` as one self-contained HTML document. All its text is escaped.

    Raises `ToolMissing` without jinja2.
    """
    return template("search.html.jinja").render(
        report=report,
        css=static("page.css", "search.css"),
        script=static("search.js", "page.js"),
        record=embedded(_record(report)),
        facts=_facts(report),
        verdict=search_verdict(report),
        tiles=search_tiles(report),
        chart=tradeoff_chart(report),
        chart_lead=_chart_lead(report),
        heat=heat_map(report),
        history=history_charts(report.history),
        runs=[run.name for run in report.history],
        columns=columns(report),
        names=[point.name for point in report.points],
    )


def columns(report: SearchReport) -> list[Column]:
    """The columns that at least one point fills with more than 0, the points in the report's order."""
    points = report.points
    found = [
        _column(f"test {report.metric}", points, _tested, lambda p: p.test_accuracy),
        _column("validation", points, lambda p: words.percent(p.validation_accuracy), lambda p: p.validation_accuracy),
        _counts("LUT predicted", points, "luts"),
        _counts("LUT measured", points, "measured_luts"),
        _counts("FF", points, "ffs"),
        _counts("DSP", points, "dsps"),
        _counts("BRAM", points, "brams"),
        _column("latency", points, _latency, lambda p: p.latency_ns if p.latency_cycles is None else p.latency_cycles),
        _counts("bits", points, "bits"),
        _column("energy", points, lambda p: words.energy(p.energy_pj), lambda p: p.energy_pj),
        _counts("EBOPs", points, "ebops"),
    ]
    found += [
        _column("front", points, lambda p: "●" if p.on_front else "", lambda p: "a" if p.on_front else "b"),
        _column("limits kept", points, lambda p: _yes(p.feasible), lambda p: _yes(p.feasible)),
        replace(
            _column("verified", points, lambda p: _yes(p.verified), lambda p: _yes(p.verified)),
            tips=tuple(point.certificate for point in points),
        ),
        _column("from", points, lambda p: p.origin, lambda p: p.origin),
    ]
    return [column for column in found if not column.empty]


def _column(title: str, points: Sequence[SearchPoint], text: Any, key: Any) -> Column:
    return Column(title, tuple(text(point) for point in points), tuple(key(point) for point in points))


def _counts(title: str, points: Sequence[SearchPoint], name: str) -> Column:
    return _column(title, points, lambda p: words.count(getattr(p, name)), lambda p: getattr(p, name))


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def _tested(point: SearchPoint) -> str:
    return words.NOT_KNOWN if point.test_accuracy is None else accuracy_words(point)


def _latency(point: SearchPoint) -> str:
    time = "" if point.latency_ns is None else words.time_ns(point.latency_ns)
    cycles = "" if point.latency_cycles is None else f"{words.count(point.latency_cycles)} cycles"
    return ", ".join(part for part in (time, cycles) if part) or words.NOT_KNOWN


def _facts(report: SearchReport) -> list[str]:
    splits = ("training", "validation", "test")
    sizes = zip(splits, (report.train_samples, report.validation_samples, report.test_samples), strict=True)
    split = ", ".join(f"{words.count(many)} {name}" for name, many in sizes if many is not None)
    facts = (
        report.method,
        report.dataset,
        f"{split} samples" if split else "",
        report.device,
        "" if report.seed is None else f"seed {report.seed}",
        words.moment(report.created),
    )
    return [fact for fact in facts if fact]


def _chart_lead(report: SearchReport) -> str:
    error = any(point.test_error is not None and point.test_accuracy is not None for point in report.points)
    mixed = report.tested and any(point.test_accuracy is None for point in report.points)
    unseen = ", which the search never saw" if report.tested else ", on which the points were chosen"
    return " ".join(
        part
        for part in (
            f"{report.metric.capitalize()} {split_words(report)}{unseen}.",
            "Bars are one binomial standard error of that split." if error else "",
            "Hollow marks: validation split only." if mixed else "",
            "LUTs are measured where a synthesis tool has run, else predicted.",
        )
        if part
    )


def _record(report: SearchReport) -> dict[str, Any]:
    """The record for the page's own save button; very long histories stay in report.json."""
    tree = search_to_dict(report)
    return tree | {"history": []} if len(json.dumps(tree, ensure_ascii=False)) > MOST_RECORD_LETTERS else tree
