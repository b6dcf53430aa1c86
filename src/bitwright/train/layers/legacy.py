"""Activations of Keras 2 and of the layers before QKeras, for models that come from there."""

from __future__ import annotations

from typing import Any

from bitwright.train.door import ops
from bitwright.train.public import public
from bitwright.train.quantizers.straight import straight

__all__ = ["keras2_hard_sigmoid", "ternary_tanh"]


@public("bitwright.layers")
def keras2_hard_sigmoid(x: Any) -> Any:
    """clip(0.2 x + 0.5, 0, 1): what "hard_sigmoid" means in Keras 1 and 2 (Keras 3: relu6(x + 3) / 6)."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@public("bitwright.layers")
def ternary_tanh(x: Any) -> Any:
    """clip(x, -1, 1) rounded half to even, so that +-0.5 give 0; the clip's gradient."""
    soft = ops.clip(x, -1.0, 1.0)
    return straight(ops.round(soft), soft)
