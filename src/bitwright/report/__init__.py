"""Reports: one record, many renderings (terminal, JSON, one self-contained HTML page)."""

from __future__ import annotations

from bitwright.report.codec import from_dict, from_json, read_json, to_dict, to_json, write_json
from bitwright.report.explore_html import render_explore_html
from bitwright.report.explore_record import (
    BindingRow,
    ExploreReport,
    LayerChoice,
    PlanRow,
    explore_from_json,
    explore_to_json,
    read_explore,
    write_explore,
)
from bitwright.report.html import render_html
from bitwright.report.record import (
    MODELLED_TIMING,
    SCHEMA,
    Accuracy,
    CostRow,
    Histogram,
    LayerRow,
    Report,
    ScheduleRow,
    Timing,
    VerifyRow,
)
from bitwright.report.search_codec import (
    read_search,
    search_from_dict,
    search_from_json,
    search_to_dict,
    search_to_json,
    write_search,
)
from bitwright.report.search_html import render_search_html
from bitwright.report.search_record import (
    NOT_VERIFIED,
    Curve,
    HistoryStep,
    LayerBits,
    Run,
    SearchPoint,
    SearchReport,
    binomial_error,
)
from bitwright.report.search_terminal import render_search_terminal
from bitwright.report.terminal import render_terminal

__all__ = [
    "MODELLED_TIMING",
    "NOT_VERIFIED",
    "SCHEMA",
    "Accuracy",
    "BindingRow",
    "CostRow",
    "Curve",
    "ExploreReport",
    "Histogram",
    "HistoryStep",
    "LayerBits",
    "LayerChoice",
    "LayerRow",
    "PlanRow",
    "Report",
    "Run",
    "ScheduleRow",
    "SearchPoint",
    "SearchReport",
    "Timing",
    "VerifyRow",
    "binomial_error",
    "explore_from_json",
    "explore_to_json",
    "from_dict",
    "from_json",
    "read_explore",
    "read_json",
    "read_search",
    "render_explore_html",
    "render_html",
    "render_search_html",
    "render_search_terminal",
    "render_terminal",
    "search_from_dict",
    "search_from_json",
    "search_to_dict",
    "search_to_json",
    "to_dict",
    "to_json",
    "write_explore",
    "write_json",
    "write_search",
]
