"""Looking on while a model runs: what each layer reads and yields, what each activation quantizer is given."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.train.door import keras, ops
from bitwright.train.quantizers.base import BaseQuantizer
from bitwright.train.rewrite import every_layer, is_network

__all__ = ["activation_quantizers", "as_array", "layers_of", "observe"]

Listener = Callable[[Any, Any, Any, Any], Any]
"""Gets (layer, quantizer or None, input, output) as tensors; what it returns, if not None, flows on."""


def layers_of(model: Any) -> list[Any]:
    """The layers that do the work: of nested models those within, of subclassed models all that they keep."""
    if is_network(model):
        return list(every_layer(model))
    return [layer for layer in model._flatten_layers(include_self=False) if not is_network(layer)]


def activation_quantizers(model: Any) -> Iterator[tuple[Any, Any]]:
    """(layer, quantizer) for every quantizer that acts on activations, in the model's order."""
    for layer in layers_of(model):
        quantizer = _site(layer)[1]
        if quantizer is not None:
            yield layer, quantizer


def observe(model: Any, x: Any, listener: Listener) -> Any:
    """Run `model` on `x` at inference, operation by operation, while `listener` looks on; the model's output.

    The listener hears of every layer, and of every activation quantizer before its layer. Recurrent
    layers are heard of as a whole.
    """
    with _tapped(model, listener):
        return model(_tensors(x), training=False)


def _tensors(x: Any) -> Any:
    return keras.tree.map_structure(lambda a: ops.convert_to_tensor(np.asarray(a)), x)


def _site(layer: Any) -> tuple[str, Any]:
    """The attribute that holds the layer's activation quantizer, and the quantizer; ("", None) without one."""
    held = vars(layer)
    if isinstance(held.get("quantizer"), BaseQuantizer):
        return "", held["quantizer"]  # the layer is its quantizer
    if isinstance(held.get("activation"), BaseQuantizer):
        return "activation", held["activation"]
    return "", None


@contextmanager
def _tapped(model: Any, listener: Listener) -> Generator[None]:
    # Into the dictionaries themselves: Keras must neither track nor save what stands there for a moment.
    kept: list[tuple[dict[str, Any], str, Any]] = []

    def put(layer: Any, name: str, value: Any) -> None:
        kept.append((vars(layer), name, vars(layer).get(name)))
        vars(layer)[name] = value

    try:
        for layer in layers_of(model):
            attribute, quantizer = _site(layer)
            if attribute:
                put(layer, attribute, _tap(layer, quantizer, quantizer, listener))
                quantizer = None
            put(layer, "call", _tap(layer, quantizer, layer.call, listener))
        yield
    finally:
        for held, name, value in reversed(kept):
            if value is None:
                del held[name]
            else:
                held[name] = value


def _tap(layer: Any, quantizer: Any, function: Callable[..., Any], listener: Listener) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        out = function(*args, **kwargs)
        given = args[0] if args else next(iter(kwargs.values()), None)
        if not (_concrete(given) and _concrete(out)):
            return out
        replaced = listener(layer, quantizer, given, out)
        return out if replaced is None else replaced

    return call


def _concrete(value: Any) -> bool:
    """Whether it is one float tensor with values: no list, no integers, nothing within a trace."""
    if not keras.ops.is_tensor(value) or not keras.backend.is_float_dtype(keras.backend.standardize_dtype(value.dtype)):
        return False
    try:
        as_array(value)
    except Exception:  # each backend has its own error for values that do not exist yet
        return False
    return True


def as_array(value: Any) -> NDArray[np.float32]:
    """A tensor or variable as a float32 array."""
    tensor = value.value if isinstance(value, keras.Variable) else value
    return np.asarray(ops.convert_to_numpy(tensor), dtype=np.float32)
