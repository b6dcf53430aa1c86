"""QKeras's utilities that read files, print or need more than one room; `bitwright.train.utilities` does the work."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from bitwright.core.errors import ParseError

__all__ = [
    "analyze_accumulator",
    "analyze_accumulator_from_sample",
    "clone_model_and_freeze_auto_po2_scale",
    "load_qmodel",
    "populate_bias_quantizer_from_accumulator",
    "print_model_sparsity",
    "print_qstats",
    "quantized_model_debug",
    "quantized_model_dump",
    "quantized_model_from_json",
]


def load_qmodel(filepath: str | Path, custom_objects: Mapping[str, Any] | None = None, compile: bool = True) -> Any:
    """The model in a `.keras` file, or in an `.h5` or `.json` of QKeras or Keras 2.

    compile: compile a `.keras` model as it was when it was saved; old files come without an optimizer.
    Raises InvalidModel naming the file.
    """
    from bitwright.frontends.qkeras import is_foreign, read_qkeras
    from bitwright.train.utilities.files import load_model

    if is_foreign(filepath):
        return read_qkeras(filepath, None, custom_objects)
    return load_model(filepath, custom_objects, compile)


def quantized_model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model, with fresh weights, that `model.to_json()` described; QKeras's and Keras 2's are read as well."""
    from bitwright.frontends.qkeras import model_from_json as old_model_from_json
    from bitwright.train.utilities.files import model_from_json

    try:
        told = json.loads(json_string)
    except ValueError as error:
        raise ParseError("no JSON", why=str(error), remedy="give what model.to_json() returned") from error
    if isinstance(told, dict) and "module" in told and '"qkeras' not in json_string:
        return model_from_json(json_string, custom_objects)
    return old_model_from_json(json_string, custom_objects)


def print_qstats(model: Any) -> None:
    """Print the operations of a quantized model by layer and kind, its weights in bits and their sparsity."""
    from bitwright.train.utilities.operations import statistics_text

    _show(statistics_text(model))


def print_model_sparsity(model: Any) -> None:
    """Print the share of zeros among the prunable weights of each layer."""
    from bitwright.train.utilities.sparsity import sparsity_text

    _show(sparsity_text(model))


def quantized_model_debug(model: Any, X_test: Any, plot: bool = False, plt_instance: Any = None) -> None:
    """Print for each layer the range of its outputs for X_test and of its quantized weights.

    plot: also draw histograms with plt_instance (matplotlib.pyplot).
    """
    from bitwright.train.utilities.inspect import debug_text, plot_layers

    _show(debug_text(model, X_test))
    if plot and plt_instance is not None:
        plot_layers(model, X_test, plt_instance)


def quantized_model_dump(
    model: Any, x_test: Any, output_dir: str | Path | None = None, layers_to_dump: Collection[str] = ()
) -> list[Path]:
    """Write each layer's outputs for x_test as raw float32 to `output_dir/<layer>.bin`; print and return the paths."""
    from bitwright.train.utilities.inspect import dump

    written = dump(model, x_test, output_dir, layers_to_dump)
    for path in written:
        _show(f"writing the layer output tensor to {path}")
    return written


def analyze_accumulator(
    in_model: Any, x: Mapping[str, tuple[float, float]], verbose: bool = False
) -> dict[str, int]:
    """By layer: ceil(log2) of the largest sum when its inputs stay within `x[layer name]` = (min, max).

    That many bits stand before the point of the layer's accumulator, beside the sign. verbose: print
    the ranges of the sums.
    """
    from bitwright.train.utilities.accumulators import analyze

    return _told(analyze(in_model, x), verbose)


def analyze_accumulator_from_sample(
    in_model: Any,
    x_sample: Any,
    mode: Literal["conservative", "sampled"] = "conservative",
    verbose: bool = False,
) -> dict[str, int]:
    """As `analyze_accumulator`, from samples: the worst case over the inputs' ranges, or what occurs ("sampled")."""
    from bitwright.train.utilities.accumulators import analyze_sample

    return _told(analyze_sample(in_model, x_sample, mode), verbose)


def clone_model_and_freeze_auto_po2_scale(
    orig_model: Any, orig_model_path: str | Path | None = None, quantize_model_weights: bool = False
) -> tuple[Any, dict[str, dict[str, Any]]]:
    """(a copy in which the "auto_po2" scales are constants, its weights as hardware stores them).

    orig_model_path: a file with the model to take in the place of orig_model. See
    `bitwright.train.utilities.freezing.frozen_copy`.
    """
    from bitwright.train.utilities.freezing import frozen_copy

    model = orig_model if orig_model_path is None else load_qmodel(orig_model_path, compile=False)
    return frozen_copy(model, quantize_model_weights)


def populate_bias_quantizer_from_accumulator(model: Any, source_quantizers: Any = None) -> Any:
    """Give folded layers without a bias quantizer one as wide as the sum that the bias is added to.

    source_quantizers: the types of the model's inputs (None: quantized_bits(8,0,1)), as QTools takes
    them. Layers whose sums are floats, and those that have a bias quantizer, stay as they are. Changes
    `model` and returns it.
    """
    from bitwright.flow.qtools import QTools
    from bitwright.train.quantizers import quantized_bits
    from bitwright.train.rewrite import every_layer

    loose = [w for w in every_layer(model) if hasattr(w, "get_folded_weights") and w.bias_quantizer is None]
    types = QTools(model, "horowitz", source_quantizers).types if loose else None
    for layer in loose:
        found = None if types is None else types[layer.name].part("bias_quantizer")
        if found is not None and found.kind == "quantized_bits":
            quantizer = quantized_bits(found.bits, found.int_bits, 1, keep_negative=found.signed)
            layer.bias_quantizer = layer.bias_quantizer_internal = quantizer
    return model


def _told(found: Mapping[str, Any], verbose: bool) -> dict[str, int]:
    from bitwright.train.utilities.accumulators import accumulator_text

    if verbose:
        _show(accumulator_text(found))
    return {name: value.bits for name, value in found.items()}


def _show(text: str) -> None:
    sys.stdout.write(text + "\n")
