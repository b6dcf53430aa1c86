"""A copy of a float model in which the width of every tensor can be changed without tracing again.

Weights are replaced by their quantized values; activations pass a switch among the very quantizers that
`quantize` and `calibrate` make. What cannot be switched (states of recurrent layers) is built anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import Unsupported
from bitwright.search.sensitivity.options import Sensitivity
from bitwright.search.sensitivity.sites import FLOAT_LIKE, INPUT, Network, Widths, build
from bitwright.train.convert import Bits, quantize
from bitwright.train.door import keras, ops
from bitwright.train.observe import activation_quantizers
from bitwright.train.rewrite import every_layer, rebuilt, same
from bitwright.train.wiring import functional_of

__all__ = ["Probe"]

Floats = NDArray[np.float32]
_ACTIVATIONS = ("Activation", "ReLU", "LeakyReLU")


class _Switch(keras.layers.Layer):
    """Passes its input through one of `functions`; the variable `chosen` says through which.

    With `shift`, a variable of zeros is added to what comes out: gradients by it are gradients by the output.
    """

    def __init__(self, functions: list[Any], shift: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.functions = tuple(functions)
        self.chosen = self.add_weight(name="chosen", shape=(), dtype="int32", initializer="zeros", trainable=False)
        self.is_shifted, self.shift = shift, None
        self.listener: Any = None

    def build(self, input_shape: Any) -> None:
        """Make the shift."""
        if self.is_shifted:
            self.shift = self.add_weight(name="shift", shape=tuple(input_shape)[1:], initializer="zeros")

    def call(self, inputs: Any) -> Any:
        """The chosen function of `inputs`."""
        if self.listener is not None:
            self.listener(inputs)
        out = ops.switch(ops.convert_to_tensor(self.chosen), self.functions, inputs)
        return out if self.shift is None else out + self.shift

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape


class Probe:
    """`model` with switches at the sites of `network`; x are the calibration data.

    shifts: see `_Switch`; for gradients by activations.
    """

    def __init__(self, model: Any, network: Network, x: Any, options: Sensitivity, *, shifts: bool = False) -> None:
        self.source, self.x, self.options, self._shifts = model, x, options, shifts
        self.quantizers = _quantizers(model, network, x, options)
        self.values = {width: _values(model, network, width, options) for width in options.weights}
        self.switches: dict[str, list[Any]] = {}
        made = rebuilt(functional_of(model), self._switched, self._entrance)
        self.model = made.carry_weights(_carry)
        self._layers = {layer.name: layer for layer in every_layer(self.model)}

    def outputs(self, widths: Widths | None = None) -> Any:
        """The outputs for the calibration data with only the sites in `widths` quantized."""
        told = widths or Widths({}, {})
        if not (all(map(self.holds_weights, told.weights)) and all(name in self.switches for name in told.activations)):
            made = build(self.source, told, self.x, self.options)
            return made.predict(self.x, batch_size=self.options.batch_size, verbose=0)
        kept = {name: self._set(name, self.values[width][name]) for name, width in told.weights.items()}
        for name, width in told.activations.items():
            self._choose(name, 1 + list(self.quantizers[name]).index(width))
        try:
            return self.model.predict(self.x, batch_size=self.options.batch_size, verbose=0)
        finally:
            for name, values in kept.items():
                self._set(name, values)
            for name in told.activations:
                self._choose(name, 0)

    def seen(self, switch: Any) -> Floats:
        """What arrives at a switch for the calibration data, all sites in float."""
        parts: list[Floats] = []
        switch.listener = lambda inputs: parts.append(np.asarray(ops.convert_to_numpy(inputs)))
        try:
            self.model(keras.tree.map_structure(ops.convert_to_tensor, self.x), training=False)
        finally:
            switch.listener = None
        if len(parts) != 1:
            raise Unsupported(
                "a layer that is used in several places", where=f"layer '{switch.name}'", remedy="use method='runs'"
            )
        return parts[0]

    def holds_weights(self, name: str) -> bool:
        """Whether the weights of the site can be replaced in place; otherwise a model is built for it."""
        return name in self.values[self.options.weights[0]]

    def variables(self, name: str) -> dict[str, Any]:
        """The variables of layer `name` that are quantized, by attribute."""
        holder = getattr(self._layers[name], "cell", self._layers[name])
        return {attribute: getattr(holder, attribute) for attribute in self.values[self.options.weights[0]][name]}

    def _set(self, name: str, values: Mapping[str, Floats]) -> dict[str, Floats]:
        """Put `values` into the layer's variables; returns what was there."""
        variables = self.variables(name)
        kept = {attribute: np.array(ops.convert_to_numpy(variables[attribute])) for attribute in values}
        for attribute, value in values.items():
            variables[attribute].assign(value)
        return kept

    def _choose(self, name: str, at: int) -> None:
        for switch in self.switches[name]:
            switch.chosen.assign(at)

    def _entrance(self, tensor: Any) -> Any:
        return self._switch(INPUT, _unchanged, f"{tensor.name}_switch")(tensor) if INPUT in self.quantizers else tensor

    def _switched(self, layer: Any) -> Any:
        copy = same(layer)
        if layer.name not in self.quantizers:
            return copy
        if type(layer).__name__ in _ACTIVATIONS:
            return self._switch(layer.name, copy, layer.name)
        copy.activation = self._switch(layer.name, copy.activation, f"{layer.name}_switch")
        return copy

    def _switch(self, name: str, function: Any, called: str) -> Any:
        switch = _Switch([function, *self.quantizers[name].values()], self._shifts, name=called)
        self.switches.setdefault(name, []).append(switch)
        return switch


def _unchanged(x: Any) -> Any:
    return x


def _carry(old: Any, new: Any) -> None:
    """The weights of the old layer, to those of the new one that are not a switch's."""
    switches = [part for part in new._flatten_layers() if isinstance(part, _Switch)]
    own = {id(variable) for switch in switches for variable in switch.weights}
    for variable, value in zip([v for v in new.weights if id(v) not in own], old.weights, strict=True):
        variable.assign(np.array(ops.convert_to_numpy(value)))  # a copy: the old model may give its buffers away


def _values(model: Any, network: Network, width: int, options: Sensitivity) -> dict[str, dict[str, Floats]]:
    """By layer and attribute: the weights as the quantized model would use them at `width`."""
    twin = quantize(model, {"*": Bits(width, FLOAT_LIKE, alpha=options.alpha)})
    layers = [layer for layer in every_layer(twin) if layer.name in network.weights]
    return {
        layer.name: {
            attribute: tensor.z if tensor.scale is None else tensor.z * tensor.scale
            for attribute, tensor in layer.quantized_weights().items()
        }
        for layer in layers
        if hasattr(layer, "quantized_weights")
    }


def _quantizers(model: Any, network: Network, x: Any, options: Sensitivity) -> dict[str, dict[int, Any]]:
    """By site and width: the quantizers with ranges set from x, all weights as good as float."""
    found: dict[str, dict[int, Any]] = {}
    for width in sorted({*options.activations, *options.input_widths}):
        twin = build(model, network.everywhere(FLOAT_LIKE, width), x, options)
        for layer, quantizer in activation_quantizers(twin):
            site = layer.name if layer.name in network.activations else INPUT
            if site in network.activations and not hasattr(layer, "cell"):
                found.setdefault(site, {})[width] = quantizer
    return found
