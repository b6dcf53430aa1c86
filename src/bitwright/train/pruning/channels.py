"""How the channels of a layer travel: which layers hand them on one by one, and who reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.train import layers as ql
from bitwright.train.door import keras
from bitwright.train.quantizers.base import BaseQuantizer
from bitwright.train.wiring import followers

__all__ = ["Indices", "Travel", "is_linear", "travels"]

Indices = NDArray[np.intp]

_kl = keras.layers
_LINEAR = (_kl.Dense, _kl.Conv1D, _kl.Conv2D, ql.QDense, ql.QConv1D, ql.QConv2D)
_HANDED_ON = (
    _kl.Activation, _kl.ReLU, _kl.LeakyReLU, _kl.ELU, _kl.Dropout, _kl.SpatialDropout1D, _kl.SpatialDropout2D,
    _kl.GaussianNoise, _kl.GaussianDropout, _kl.MaxPooling1D, _kl.MaxPooling2D, _kl.AveragePooling1D,
    _kl.AveragePooling2D, _kl.GlobalMaxPooling1D, _kl.GlobalMaxPooling2D, _kl.GlobalAveragePooling1D,
    _kl.GlobalAveragePooling2D, _kl.ZeroPadding1D, _kl.ZeroPadding2D, _kl.UpSampling1D, _kl.UpSampling2D,
    _kl.Cropping1D, _kl.Cropping2D, _kl.BatchNormalization, _kl.Flatten, ql.QActivation, ql.QAveragePooling2D,
    ql.QGlobalAveragePooling2D, ql.QBatchNormalization,
)  # fmt: skip
_ELEMENTWISE = {
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "silu", "gelu", "tanh", "sigmoid", "hard_sigmoid",
    "hard_tanh", "softplus", "softsign", "mish", "exponential",
}  # fmt: skip


@dataclass
class Travel:
    """Where the `channels` of `layer` go: `passed`, layers that hand them on, and `readers`, which add them up.

    Each is told with how many times over it has the channels, one set behind the other (1, or the
    positions that were flattened).
    """

    layer: Any
    channels: int
    passed: list[tuple[Any, int]] = field(default_factory=list[tuple[Any, int]])
    readers: list[tuple[Any, int]] = field(default_factory=list[tuple[Any, int]])

    def features(self, kept: Indices, times: int) -> Indices:
        """The places of the `kept` channels among the features of a layer that has them `times` over."""
        return (np.arange(times)[:, None] * self.channels + kept[None, :]).ravel()


def travels(network: Any) -> list[Travel]:
    """One record for each layer of the functional `network` whose channels can be followed to their readers."""
    readers = followers(network)
    layers = [layer for layer in network.layers if is_linear(layer)]
    found = [_followed(layer, readers) for layer in layers]
    return [travel for travel in found if travel is not None and travel.readers]


def is_linear(layer: Any) -> bool:
    """Whether it is a dense layer or an ordinary convolution, read once, with a kernel and a bias and no more."""
    plain = type(layer) in _LINEAR and getattr(layer, "groups", 1) == 1 and getattr(layer, "mask", None) is None
    return plain and _alone(layer) and len(layer.weights) == 1 + bool(layer.use_bias) and _last(layer)


def _followed(layer: Any, readers: dict[int, list[Any]]) -> Travel | None:
    if not _elementwise(getattr(layer, "activation", None)):
        return None
    travel = Travel(layer, int(layer.kernel.shape[-1]))
    waiting: list[tuple[Any, int]] = [(layer, 1)]
    while waiting:
        here, times = waiting.pop()
        for reader in readers.get(id(here), [None]):
            if reader is None:
                return None
            if is_linear(reader) and (times == 1 or isinstance(reader, _kl.Dense)):
                travel.readers.append((reader, times))
            elif _hands_on(reader):
                more = _flattened(reader) * times if isinstance(reader, _kl.Flatten) else times
                travel.passed.append((reader, more))
                waiting.append((reader, more))
            else:
                return None
    return travel


def _hands_on(layer: Any) -> bool:
    if type(layer) not in _HANDED_ON or not (_alone(layer) and _last(layer)):
        return False
    if isinstance(layer, _kl.BatchNormalization) and layer.axis not in (-1, len(layer.input.shape) - 1):
        return False
    known = {id(getattr(layer, name, None)) for name in ("gamma", "beta", "moving_mean", "moving_variance")}
    return all(id(weight) in known for weight in layer.weights) and _elementwise(getattr(layer, "activation", None))


def _elementwise(function: Any) -> bool:
    if isinstance(function, BaseQuantizer):
        return function.elementwise and not function.differs_along
    return function is None or getattr(function, "__name__", "") in _ELEMENTWISE


def _alone(layer: Any) -> bool:
    """Whether it is called in one place."""
    return len(layer._inbound_nodes) == 1


def _last(layer: Any) -> bool:
    return getattr(layer, "data_format", None) != "channels_first"


def _flattened(layer: Any) -> int:
    return prod(layer.input.shape[1:-1])
