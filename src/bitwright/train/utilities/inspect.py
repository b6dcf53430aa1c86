"""A look at what flows through a quantized model. Source: google/qkeras, utils.py."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import ConfigError
from bitwright.core.files import inside, write_atomic
from bitwright.train.utilities.saved import weights_of
from bitwright.train.wiring import functional_of, outputs_of, values

__all__ = ["debug_text", "dump", "layer_outputs", "plot_layers"]


def layer_outputs(model: Any, x: Any) -> dict[str, NDArray[Any]]:
    """By layer name, in the model's order: what the layer yields when the model predicts `x`."""
    layers = functional_of(model).layers
    return {w.name: y for w, y in zip(layers, outputs_of(model, layers, x), strict=True)}


def debug_text(model: Any, x: Any) -> str:
    """A line for each layer: the least and greatest output for `x`, then those of each quantized weight."""
    lines: list[str] = []
    layers = {layer.name: layer for layer in functional_of(model).layers}
    for name, y in layer_outputs(model, x).items():
        ranges = "".join(f" ({w.min(): 8.4f} {w.max(): 8.4f})" for w in _weights(layers[name]) if w.size)
        lines.append(f"{name:30} {y.min(): 8.4f} {y.max(): 8.4f}{ranges}")
    return "\n".join(lines)


def plot_layers(model: Any, x: Any, plt: Any) -> None:
    """A histogram of each layer's outputs for `x` and of its weights; plt: matplotlib.pyplot or the like."""
    layers = {layer.name: layer for layer in functional_of(model).layers}
    for name, y in layer_outputs(model, x).items():
        for label, array in [("output", y), *((f"weight {i}", w) for i, w in enumerate(_weights(layers[name])))]:
            plt.hist(array.ravel(), bins=25)
            plt.title(f"{name} {label}")
            plt.show()


def dump(
    model: Any, x_test: Any, output_dir: str | Path | None = None, layers_to_dump: Collection[str] = ()
) -> list[Path]:
    """Write each layer's output for `x_test` to `output_dir/<layer>.bin`: raw float32, in row-major order.

    output_dir: by default a new temporary folder. layers_to_dump: names (default: all layers); raises
    ConfigError for one that the model does not have. Returns the files.
    """
    folder = Path(tempfile.mkdtemp() if output_dir is None else output_dir)
    found = layer_outputs(model, x_test)
    for name in layers_to_dump:
        if name not in found:
            raise ConfigError(
                f"there is no layer {name!r}", where=f"model '{model.name}'", why=f"it has {', '.join(found)}"
            )
    chosen = {name: y for name, y in found.items() if not layers_to_dump or name in layers_to_dump}
    return [write_atomic(inside(folder, f"{n}.bin"), y.astype(np.float32).tobytes()) for n, y in chosen.items()]


def _weights(layer: Any) -> list[NDArray[Any]]:
    if hasattr(layer, "get_quantizers") and layer.weights and hasattr(layer, "get_prunable_weights"):
        return [weight.quantized for weight in weights_of(layer)]
    return [values(weight) for weight in layer.weights]
