"""How QKeras keeps weights within a quantizer's range: the Clip constraint and QInitializer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.train.door import keras, ops
from bitwright.train.public import public
from bitwright.train.quantizers.scales import is_auto
from bitwright.train.spec import get_quantizer

__all__ = [
    "Clip",
    "QInitializer",
    "bounded",
    "get_auto_range_constraint_initializer",
    "get_constraint",
    "get_initializer",
]


@public("bitwright.layers")
class Clip(keras.constraints.Constraint):
    """Clips weights to [min_value, max_value] after each update, then applies another constraint."""

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, constraint: Any = None) -> None:
        self.min_value, self.max_value = float(min_value), float(max_value)
        self.constraint = keras.constraints.get(constraint)

    def __call__(self, w: Any) -> Any:
        """The clipped weights."""
        clipped = ops.clip(w, self.min_value, self.max_value)
        return clipped if self.constraint is None else self.constraint(clipped)

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        inner = None if self.constraint is None else keras.constraints.serialize(self.constraint)
        return {"min_value": self.min_value, "max_value": self.max_value, "constraint": inner}


@public("bitwright.layers")
class QInitializer(keras.initializers.Initializer):
    """Another initializer's weights, widened where the quantizer would round nearly all to zero.

    With use_scale and a variance-scaling initializer whose deviation is below the quantizer's step,
    the variance grows by <q, q> / <q, x> (at least 1). All weights are clipped to the range.
    Source: google/qkeras, qlayers.py, `QInitializer`.
    """

    def __init__(self, initializer: Any, use_scale: bool, quantizer: Any) -> None:
        self.initializer = keras.initializers.get(initializer)
        self.use_scale, self.quantizer = bool(use_scale), get_quantizer(quantizer)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """New weights of this shape."""
        x, bound = self.initializer(shape, dtype), _bound(self.quantizer)
        try:
            # In numpy: loading a model makes weights too, and each operation would be compiled first.
            drawn = ops.convert_to_numpy(x)
        except (TypeError, NotImplementedError):  # within a trace: nothing to look at, so only clip
            return ops.clip(x, -bound, bound)
        widened = drawn * self._widening(drawn, bound)
        return ops.convert_to_tensor(np.clip(widened, -bound, bound).astype(drawn.dtype))

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            "initializer": keras.initializers.serialize(self.initializer),
            "use_scale": self.use_scale,
            "quantizer": keras.saving.serialize_keras_object(self.quantizer),
        }

    def _widening(self, x: NDArray[Any], bound: float) -> float:
        if not (self.use_scale and hasattr(self.initializer, "scale") and hasattr(self.quantizer, "bits")):
            return 1.0
        if x.std() >= bound * 2.0**-self.quantizer.bits:
            return 1.0
        q = ops.convert_to_numpy(self.quantizer(x))
        if q.any():
            return float(max(1.0, (q * q).sum() / (q * x).sum()) ** 0.5)
        return float(max(1.0, bound / max(np.sqrt((x * x).mean()), 1e-15)) ** 0.5)


def bounded(quantizer: Any, initializer: Any, constraint: Any) -> tuple[Any, Any]:
    """(initializer, constraint) of a weight with this quantizer; unchanged when it has none."""
    if quantizer is None:
        return initializer, constraint
    initializer, constraint = keras.initializers.get(initializer), keras.constraints.get(constraint)
    bound = _bound(quantizer)
    if not isinstance(constraint, Clip):
        constraint = Clip(-bound, bound, constraint)
    plain = (keras.initializers.Zeros, keras.initializers.Ones, QInitializer)
    if not isinstance(initializer, plain) and not is_auto(getattr(quantizer, "alpha", None)):
        initializer = QInitializer(initializer, True, quantizer)
    return initializer, constraint


def get_auto_range_constraint_initializer(quantizer: Any, constraint: Any, initializer: Any) -> tuple[Any, Any]:
    """(constraint, initializer) that QKeras gives a weight with this quantizer."""
    first, limit = bounded(get_quantizer(quantizer), initializer, constraint)
    return limit, first


def get_constraint(identifier: Any, quantizer: Any = None) -> Any:
    """A Keras constraint; or, for "clip" and classes named Clip, the range of `quantizer`."""
    if identifier == "clip":
        return Clip(-_bound(quantizer), _bound(quantizer)) if quantizer is not None else Clip()
    if isinstance(identifier, dict) and identifier.get("class_name") == "Clip":
        return Clip(**identifier["config"])
    return keras.constraints.get(identifier)


def get_initializer(identifier: Any) -> Any:
    """A Keras initializer, `QInitializer` by its configuration among them."""
    if isinstance(identifier, dict) and identifier.get("class_name") == "QInitializer":
        return QInitializer(**identifier["config"])
    return keras.initializers.get(identifier)


def _bound(quantizer: Any) -> float:
    if hasattr(quantizer, "bound"):
        return float(quantizer.bound())
    return max(1.0, float(quantizer.max())) if hasattr(quantizer, "max") else 1.0
