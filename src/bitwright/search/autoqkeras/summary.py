"""What a quantized model is made of, by layer: as a dictionary, a file, or text.

Source: google/qkeras, autoqkeras/utils.py.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bitwright.core.files import write_atomic
from bitwright.train.quantizers.base import BaseQuantizer

__all__ = ["get_quantization_dictionary", "print_qmodel_summary", "save_quantization_dict", "summary_text"]


def get_quantization_dictionary(q_model: Any) -> dict[str, Any]:
    """Layer names to the quantizers of the layer by argument; of activation layers, to the quantizer."""
    found: dict[str, Any] = {}
    for layer in q_model.layers:
        if isinstance(getattr(layer, "quantizer", None), BaseQuantizer):
            found[layer.name] = str(layer.quantizer)
        elif hasattr(layer, "get_quantization_config"):
            found[layer.name] = layer.get_quantization_config()
    return found


def save_quantization_dict(fname: str | Path, q_model: Any) -> Path:
    """Write `get_quantization_dictionary` as JSON."""
    return write_atomic(Path(fname), json.dumps(get_quantization_dictionary(q_model), indent=1) + "\n")


def summary_text(q_model: Any) -> str:
    """A line for each quantized layer: its name, its units or filters, its quantizers."""
    lines: list[str] = []
    layers = {layer.name: layer for layer in q_model.layers}
    for name, told in get_quantization_dictionary(q_model).items():
        features = getattr(layers[name], "units", getattr(layers[name], "filters", None))
        size = "" if features is None else f" {type(layers[name]).__name__}({features})"
        words = told if isinstance(told, str) else ", ".join(f"{key}={value}" for key, value in told.items())
        lines.append(f"{name:20}{size} {words}")
    return "\n".join(lines)


def print_qmodel_summary(q_model: Any) -> None:
    """Print `summary_text`."""
    sys.stdout.write(summary_text(q_model) + "\n")
