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
    Timing,
    VerifyRow,
)
from bitwright.report.terminal import render_terminal

__all__ = [
    "MODELLED_TIMING",
    "SCHEMA",
    "Accuracy",
    "CostRow",
    "Histogram",
    "LayerRow",
    "Report",
    "Timing",
    "VerifyRow",
    "from_dict",
    "from_json",
    "read_json",
    "render_html",
    "render_terminal",
    "to_dict",
    "to_json",
    "write_json",
]
