"""QKeras's `qkeras.qtools`: data types and energies; see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.qkeras.qtools import (
    generate_layer_data_type_map,
    interface,
    qgraph,
    qtools_util,
    quantized_operators,
    run_qtools,
    settings,
)
from bitwright.qkeras.qtools.run_qtools import QTools

__all__ = [
    "QTools",
    "generate_layer_data_type_map",
    "interface",
    "qgraph",
    "qtools_util",
    "quantized_operators",
    "run_qtools",
    "settings",
]
