"""Reports: one record, many renderings (terminal, JSON, one self-contained HTML page)."""

from __future__ import annotations

from bitwright.report.codec import from_dict, from_json, read_json, to_dict, to_json, write_json
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
    "CostRow",
    "Curve",
    "Histogram",
    "HistoryStep",
    "LayerBits",
    "LayerRow",
    "Report",
    "Run",
    "ScheduleRow",
    "SearchPoint",
    "SearchReport",
    "Timing",
    "VerifyRow",
    "binomial_error",
    "from_dict",
    "from_json",
    "read_json",
    "read_search",
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
    "write_json",
    "write_search",
]
