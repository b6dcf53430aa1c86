"""Layers with a batch normalization folded into their kernel before it is quantized.

With inverse = gamma / sqrt(variance + epsilon) the layer computes
`x * q(inverse * kernel) + q(inverse * (bias - mean) + beta)`, at inference with the moving
statistics. Source: google/qkeras, qconv2d_batchnorm.py and its siblings; Jacob et al. 2018, 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.layers.linear import QConv2D, QDense, QDepthwiseConv2D, QuantizedLinear
from bitwright.train.public import public

__all__ = [
    "Folded",
    "FoldedBatchnorm",
    "FoldingMode",
    "QConv2DBatchnorm",
    "QDenseBatchnorm",
    "QDepthwiseConv2DBatchnorm",
]

_KINDS = {"initializer": keras.initializers, "regularizer": keras.regularizers, "constraint": keras.constraints}
_PARTS = {
    "beta_initializer": "zeros",
    "gamma_initializer": "ones",
    "moving_mean_initializer": "zeros",
    "moving_variance_initializer": "ones",
    "beta_regularizer": None,
    "gamma_regularizer": None,
    "beta_constraint": None,
    "gamma_constraint": None,
}


class FoldingMode(StrEnum):
    """Which statistics the kernel is folded with in training, until they are frozen.

    BATCH: those of the batch. EMA: the moving ones, so that quantized weights do not jitter; the sum
    is then corrected to what the batch's own would have given.
    """

    BATCH = "batch_stats_folding"
    EMA = "ema_stats_folding"

    @classmethod
    def of(cls, name: str) -> FoldingMode:
        """The mode of this name; raises InvalidValue for any other."""
        known = [mode.value for mode in cls]
        if name not in known:
            raise InvalidValue(f"folding_mode={name!r}", remedy=f"use {' or '.join(map(repr, known))}")
        return cls(name)


@dataclass(frozen=True)
class FoldedBatchnorm:
    """The batch normalization inside a folded layer, as QKeras programs read it: `layer.batchnorm.gamma`.

    The variables are the layer's own; gamma or beta is None without scale or center.
    """

    gamma: Any
    beta: Any
    moving_mean: Any
    moving_variance: Any
    epsilon: float
    momentum: float
    scale: bool
    center: bool

    def inverse(self, variance: Any) -> Any:
        """gamma / sqrt(variance + epsilon)."""
        root = ops.rsqrt(variance + self.epsilon)
        return root if self.gamma is None else root * self.gamma

    def offset(self, inverse: Any, bias: Any, mean: Any) -> Any:
        """The folded bias: inverse * (bias - mean) + beta; a bias of None is 0."""
        shifted = inverse * (-mean if bias is None else bias - mean)
        return shifted if self.beta is None else shifted + self.beta


class Folded(QuantizedLinear):
    """Mixin, before a quantized linear layer: batch normalization folded into it.

    axis, momentum, epsilon, center, scale and the initializers, regularizers and constraints are
    those of BatchNormalization. In training the statistics follow the batches while the number of
    steps taken is at most ema_freeze_delay (None: always); then the moving ones are used and stay.
    Weights: kernel, bias, gamma, beta, iteration, moving_mean, moving_variance (QKeras's order).
    """

    # What every Keras layer has; this mixin comes before one.
    name: str
    trainable: bool
    weights: list[Any]
    add_weight: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        parts = {name: kwargs.pop(name, default) for name, default in _PARTS.items()}
        axis = kwargs.pop("axis", -1)
        momentum, epsilon = kwargs.pop("momentum", 0.99), kwargs.pop("epsilon", 1e-3)
        center, scale = kwargs.pop("center", True), kwargs.pop("scale", True)
        delay, mode = kwargs.pop("ema_freeze_delay", None), kwargs.pop("folding_mode", FoldingMode.EMA)
        super().__init__(*args, **kwargs)
        self.axis, self.momentum, self.epsilon = axis, float(momentum), float(epsilon)
        self.center, self.scale = bool(center), bool(scale)
        self.ema_freeze_delay, self.folding_mode = delay, FoldingMode.of(mode)
        for name, given in parts.items():
            setattr(self, name, _KINDS[name.rpartition("_")[2]].get(given))

    @property
    def batchnorm(self) -> FoldedBatchnorm:
        """The variables and settings of the batch normalization."""
        return FoldedBatchnorm(
            self.gamma, self.beta, self.moving_mean, self.moving_variance,
            self.epsilon, self.momentum, self.scale, self.center,
        )  # fmt: skip

    def build(self, input_shape: Any) -> None:
        """Create kernel and bias, then what batch normalization needs for each output channel."""
        super().build(input_shape)  # pyright: ignore[reportAttributeAccessIssue]
        kernel = self.kernel.shape
        self._channels = tuple(int(n) for n in kernel[-self.output_axes :])
        self._check_axis(len(input_shape))
        self.gamma = self._parameter("gamma") if self.scale else None
        self.beta = self._parameter("beta") if self.center else None
        # QKeras counts from -1: the first step makes it 0.
        self._iteration = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(-1), trainable=False, dtype="int", name="iteration"
        )
        self.moving_mean = self._parameter("moving_mean", trainable=False)
        self.moving_variance = self._parameter("moving_variance", trainable=False)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The layer's output for `inputs`; in training the statistics take part and are updated."""
        if not (training and self.trainable):
            return super().call(inputs, None)
        live, batch = self._live(), self._batch_statistics(inputs)
        moving = self._moved(batch, live)
        chosen = batch if live is None else (ops.where(live, batch[0], moving[0]), ops.where(live, batch[1], moving[1]))
        self._iteration.assign(self._iteration + 1)
        return self._folded_call(inputs, moving, chosen)

    def unquantized_weights(self) -> tuple[Any, Any]:
        """The kernel and the bias after folding with the moving statistics, before they are quantized."""
        norm = self.batchnorm
        inverse = norm.inverse(ops.convert_to_tensor(self.moving_variance))
        return self._scaled(inverse), norm.offset(inverse, self._own_bias, ops.convert_to_tensor(self.moving_mean))

    def get_folded_weights(self) -> list[Any]:
        """[kernel, bias] folded with the moving statistics, not yet quantized."""
        return list(self.unquantized_weights())

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights from arrays in the order of `weights`.

        The iteration, which is the only scalar, may stand anywhere: qkeras-v3 puts it behind the bias.
        """
        arrays = [np.asarray(ops.convert_to_numpy(w)) for w in weights]
        scalars = [a for a in arrays if a.ndim == 0]
        if len(scalars) == 1:
            arrays = [a for a in arrays if a.ndim]
            names = [w.name for w in self.weights]
            arrays.insert(names.index("iteration"), scalars[0])
        super().set_weights(arrays)  # pyright: ignore[reportAttributeAccessIssue]

    def save_own_variables(self, store: Any) -> None:
        """Write all variables (Dense and Conv2D would write kernel and bias alone)."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        """Read all variables."""
        keras.layers.Layer.load_own_variables(self, store)

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        config = super().get_config()
        for name in ("axis", "momentum", "epsilon", "center", "scale", "ema_freeze_delay"):
            config[name] = getattr(self, name)
        config["folding_mode"] = self.folding_mode.value
        return config | {n: _KINDS[n.rpartition("_")[2]].serialize(getattr(self, n)) for n in _PARTS}

    @property
    def _own_bias(self) -> Any:
        return self.bias if self.use_bias else None

    def _parameter(self, name: str, trainable: bool = True) -> Any:
        more = {k: getattr(self, f"{name}_{k}") for k in _KINDS if hasattr(self, f"{name}_{k}")}
        size = int(np.prod(self._channels))
        return self.add_weight(shape=(size,), name=name, trainable=trainable, **more)

    def _check_axis(self, rank: int) -> None:
        given = self.axis[0] if isinstance(self.axis, list | tuple) else self.axis
        first = getattr(self, "data_format", None) == "channels_first"
        if given not in (-1, 1 if first else rank - 1):
            raise InvalidValue(
                f"axis={self.axis} is not the axis of the channels",
                where=f"layer '{self.name}'",
                remedy="leave axis out",
            )

    def _live(self) -> Any:
        """Whether batches still move the statistics: None for always, else a scalar tensor."""
        if self.ema_freeze_delay is None or self.ema_freeze_delay < 0:
            return None
        return ops.convert_to_tensor(self._iteration) <= self.ema_freeze_delay

    def _batch_statistics(self, inputs: Any) -> tuple[Any, Any]:
        """Mean and variance, per channel, of what the layer yields without quantizers."""
        kernel = ops.convert_to_tensor(self.kernel)
        total = self._sum(inputs, kernel)
        first = getattr(self, "data_format", None) == "channels_first"
        channel = 1 if first else len(total.shape) - 1
        mean, variance = ops.moments(total, axes=[a for a in range(len(total.shape)) if a != channel])
        return mean if self._own_bias is None else mean + self._own_bias, variance

    def _moved(self, batch: tuple[Any, Any], live: Any) -> tuple[Any, Any]:
        """Move the moving statistics towards the batch's; returns where they stand now, without gradient."""
        found: list[Any] = []
        for variable, new in zip((self.moving_mean, self.moving_variance), batch, strict=True):
            old = ops.convert_to_tensor(variable)
            value = ops.stop_gradient(old * self.momentum + new * (1.0 - self.momentum))
            found.append(value if live is None else ops.where(live, value, old))
            variable.assign(found[-1])
        return found[0], found[1]

    def _folded_call(self, inputs: Any, moving: tuple[Any, Any], chosen: tuple[Any, Any]) -> Any:
        norm, by_batch = self.batchnorm, self.folding_mode is FoldingMode.BATCH
        inverse = norm.inverse(chosen[1] if by_batch else moving[1])
        kernel, scale = self._kernel_and_scale(True, self._scaled(inverse))
        if not by_batch:
            correction = ops.sqrt(moving[1] + self.epsilon) * ops.rsqrt(chosen[1] + self.epsilon)
            scale = correction if scale is None else scale * correction
            inverse = norm.inverse(chosen[1])
        bias = norm.offset(inverse, self._own_bias, chosen[0])
        return self._completed(self._sum(inputs, kernel), scale, bias, True)

    def _scaled(self, inverse: Any) -> Any:
        return self.kernel * ops.reshape(inverse, self._channels)


@public("bitwright.layers")
class QConv2DBatchnorm(Folded, QConv2D):
    """QConv2D with a batch normalization folded into its kernel; see `Folded` for its arguments."""


@public("bitwright.layers")
class QDepthwiseConv2DBatchnorm(Folded, QDepthwiseConv2D):
    """QDepthwiseConv2D with a batch normalization folded into its kernel; see `Folded` for its arguments."""


@public("bitwright.layers")
class QDenseBatchnorm(Folded, QDense):
    """QDense with a batch normalization folded into its kernel; see `Folded` for its arguments."""
