"""The recipes: each public verb is one call into the rooms below."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Bitstream": "bitwright.flow.bitstreams",
    "build_bitstream": "bitwright.flow.bitstreams",
    "Design": "bitwright.flow.design",
    "Hls": "bitwright.flow.hls",
    "Options": "bitwright.flow.options",
    "QTools": "bitwright.flow.qtools.adapter",
    "compile_hls4ml": "bitwright.flow.hls4ml_build",
    "compile_matrix": "bitwright.flow.matrix",
    "StreamDesign": "bitwright.flow.streamed",
    "explore": "bitwright.flow.exploring",
    "Variants": "bitwright.flow.variants",
    "explore_architectures": "bitwright.flow.exploring",
    "explore_front": "bitwright.flow.exploring",
    "explore_report": "bitwright.flow.exploration_report",
    "from_torch": "bitwright.flow.exporting",
    "import_model": "bitwright.flow.models",
    "load_model": "bitwright.flow.models",
    "read_hls4ml": "bitwright.flow.hls4ml_config",
    "Gradient": "bitwright.search.gradient",
    "Limits": "bitwright.search.limits",
    "SearchResult": "bitwright.search.result",
    "Sensitivity": "bitwright.search.sensitivity",
    "Tables": "bitwright.search.gradient.tables",
    "Trials": "bitwright.search.trials",
    "save_search": "bitwright.flow.search_results",
    "search": "bitwright.flow.searching",
    "search_report": "bitwright.flow.search_results",
    "saved_by_pruning": "bitwright.flow.pruning",
    "to_onnx": "bitwright.flow.exporting",
    "Bits": "bitwright.train.convert",
    "Health": "bitwright.train.health",
    "HealthLimits": "bitwright.train.health",
    "HealthWarning": "bitwright.train.health",
    "calibrate": "bitwright.train.calibrate",
    "quantize": "bitwright.train.convert",
}
_RENAMED = {
    "check_health": ("bitwright.train.health", "check"),
    "compile": ("bitwright.flow.compiling", "compile_model"),
}

__all__ = [*_HOMES, *_RENAMED]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        home, actual = _RENAMED[name]
        return getattr(import_module(home), actual)
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'bitwright.flow' has no attribute {name!r}")
