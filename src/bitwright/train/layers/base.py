"""`Quantized`: what every quantized layer has: quantizers for its weights, their configuration."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bitwright.train.door import keras, ops
from bitwright.train.layers.bounds import bounded
from bitwright.train.quantizers.base import BaseQuantizer
from bitwright.train.spec import get_activation, get_quantizer

__all__ = ["Quantized", "QuantizedTensor", "Role", "apply", "as_numpy", "factor"]


@dataclass(frozen=True)
class Role:
    """A weight `attribute` and the `prefix` of the arguments about it (`<prefix>_quantizer`, ...).

    `is_kernel`: QKeras's rule for kernels holds (alpha=None becomes "auto_po2"). `is_weight`: the
    variable is bounded by the quantizer's range; false where there is no variable or QKeras leaves it
    free. `initializer` is what the variable starts from when nobody says ("" for QKeras's usual one).
    """

    attribute: str
    prefix: str
    is_kernel: bool = False
    is_weight: bool = True
    initializer: str = ""

    @property
    def quantizer(self) -> str:
        """The name of the quantizer argument."""
        return f"{self.prefix}_quantizer"


@dataclass(frozen=True)
class QuantizedTensor:
    """A quantized weight as numpy arrays: its values are `z * scale` (scale None: 1).

    z: float32 on a dyadic grid; scale: float32, broadcasting against z.
    """

    z: NDArray[np.float32]
    scale: NDArray[np.float32] | None = None


class Quantized:
    """Mixin, before a Keras layer among the bases: takes the quantizer arguments of its `roles`.

    Quantizers may be given as objects, QKeras strings or configurations. Each is kept under its
    argument's name and, as QKeras programs read it, under `<name>_internal`.
    """

    roles: ClassVar[tuple[Role, ...]] = ()
    has_activation: ClassVar[bool] = True
    parent_has_activation: ClassVar[bool] = True

    def __init__(self, **arguments: Any) -> None:
        quantizers = {role.quantizer: self._taken(role, arguments) for role in self.roles}
        for role in self.roles:
            _ignore_range(arguments, role)
            if role.is_weight:
                self._bound(role, quantizers[role.quantizer], arguments)
        activation = get_activation(arguments.pop("activation", None)) if self.has_activation else None
        if self.has_activation and self.parent_has_activation:
            arguments["activation"] = activation
        super().__init__(**arguments)
        if self.has_activation and not self.parent_has_activation:
            self.activation = activation
        for name, quantizer in quantizers.items():
            setattr(self, name, quantizer)
            setattr(self, f"{name}_internal", quantizer)
        held = [*quantizers.values(), activation]
        self._quantizer_state = [item for q in held if isinstance(q, BaseQuantizer) for item in q.state]

    def build(self, input_shape: Any) -> None:
        """Make the weights, and the variables of quantizers that depend on their shapes."""
        super().build(input_shape)  # pyright: ignore[reportAttributeAccessIssue]
        self._prepare_quantizers()
        activation = getattr(self, "activation", None)
        if getattr(activation, "shaped", False):
            activation.prepare_activations(self.compute_output_shape(input_shape))  # pyright: ignore

    def _prepare_quantizers(self) -> None:
        for role in self.roles:
            weight, quantizer = getattr(self, role.attribute, None), getattr(self, role.quantizer)
            if weight is not None and isinstance(quantizer, BaseQuantizer):
                quantizer.prepare(weight.shape)

    def get_quantizers(self) -> list[Any]:
        """The quantizers of the weights, in QKeras's order; None where there is none."""
        return [getattr(self, role.quantizer) for role in self.roles]

    @property
    def quantizers(self) -> list[Any]:
        """The same, as QKeras programs read it."""
        return self.get_quantizers()

    def get_quantization_config(self) -> dict[str, str]:
        """Argument names to quantizer strings."""
        told = {role.quantizer: str(getattr(self, role.quantizer)) for role in self.roles}
        if self.has_activation:
            activation = getattr(self, "activation", None)
            told["activation"] = getattr(activation, "__name__", str(activation))
        return told

    def get_prunable_weights(self) -> list[Any]:
        """The variables that pruning may set to zero."""
        return [getattr(self, role.attribute) for role in self.roles if role.is_kernel]

    def get_config(self) -> dict[str, Any]:
        """Every argument, quantizers included, so that `from_config` makes an equal layer."""
        config = super().get_config()  # pyright: ignore[reportAttributeAccessIssue]
        for role in self.roles:
            quantizer = getattr(self, role.quantizer)
            config[role.quantizer] = keras.saving.serialize_keras_object(quantizer)
        if self.has_activation:
            config["activation"] = keras.saving.serialize_keras_object(getattr(self, "activation"))  # noqa: B009
        return config

    def _taken(self, role: Role, arguments: dict[str, Any]) -> Any:
        quantizer = get_quantizer(arguments.pop(role.quantizer, None))
        return quantizer.for_weights() if role.is_kernel and hasattr(quantizer, "for_weights") else quantizer

    def _bound(self, role: Role, quantizer: Any, arguments: dict[str, Any]) -> None:
        first, limit = f"{role.prefix}_initializer", f"{role.prefix}_constraint"
        default = role.initializer or ("he_normal" if role.is_kernel else "zeros")
        arguments[first], arguments[limit] = bounded(quantizer, arguments.get(first, default), arguments.get(limit))


def _ignore_range(arguments: dict[str, Any], role: Role) -> None:
    name = f"{role.prefix}_range"
    if arguments.pop(name, None) is not None:
        warnings.warn(f"{name} is ignored, as in QKeras: the range follows from {role.quantizer}", stacklevel=4)


def apply(function: Any, x: Any, training: bool | None) -> Any:
    """`function(x)`, passing `training` on if it is a quantizer; None leaves x as it is."""
    if function is None:
        return x
    return function(x, training=training) if isinstance(function, BaseQuantizer) else function(x)


def factor(quantizer: Callable[..., Any] | None, x: Any, training: bool | None) -> tuple[Any, Any]:
    """`(z, scale)` with z * scale the quantized x; see `BaseQuantizer.factor`."""
    if isinstance(quantizer, BaseQuantizer):
        return quantizer.factor(x, training)
    tensor = ops.convert_to_tensor(x)
    return (tensor if quantizer is None else quantizer(tensor)), None


def as_numpy(x: Any) -> NDArray[np.float32]:
    """A tensor as a float32 array."""
    return np.asarray(ops.convert_to_numpy(x), dtype=np.float32)
