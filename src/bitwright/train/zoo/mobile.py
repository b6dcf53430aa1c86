"""Depthwise separable networks: MobileNet-v1 and the keyword spotter of MLPerf Tiny."""

from __future__ import annotations

from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras
from bitwright.train.zoo.blocks import Maker, entry
from bitwright.train.zoo.seeding import seeded

__all__ = ["ds_cnn", "mobilenet_v1"]

_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
"""Filters of the pointwise part and stride of the depthwise one."""


def mobilenet_v1(
    weight_bits: int = 4,
    activation_bits: int = 4,
    *,
    alpha: float = 1.0,
    size: int = 224,
    classes: int = 1000,
    use_bias: bool = False,
    edge_bits: int = 8,
    input_format: Any = None,
    seed: int | None = 0,
) -> Any:
    """MobileNet-v1, width `alpha`, on size x size x 3 pixels; at 1, 224: 4,253,864 parameters, 568,740,352 products.

    3x3 convolution 32 stride 2, thirteen depthwise and pointwise pairs, mean, dense. `size` is a multiple of 32.
    MLPerf Tiny's visual wake words is alpha=0.25, size=96, classes=2, use_bias=True: 221,794 parameters, 7,489,664
    products. The first and the last layer have weights of `edge_bits`. Source: Howard et al., arXiv:1704.04861.
    """
    if size % 32:
        raise InvalidValue(f"size={size}", where="mobilenet_v1", remedy="give a multiple of 32")
    maker = Maker(weight_bits, activation_bits, seed is not None)
    told: dict[str, Any] = {"padding": "same", "use_bias": use_bias}
    x, y = entry((size, size, 3), input_format, "u8.8")
    y = maker.act(maker.conv(y, int(32 * alpha), 3, "conv", bits=edge_bits, strides=2, **told), "conv")
    for index, (filters, strides) in enumerate(_BLOCKS, 1):
        y = maker.act(maker.depthwise(y, 3, f"depth{index}", strides=strides, **told), f"depth{index}")
        y = maker.act(maker.conv(y, int(filters * alpha), 1, f"point{index}", **told), f"point{index}")
    y = maker.mean(y)
    y = maker.dense(y, classes, "logits", bits=edge_bits, use_bias=True)
    return seeded(keras.Model(x, y, name="mobilenet_v1"), seed)


def ds_cnn(weight_bits: int = 4, activation_bits: int = 4, *, input_format: Any = None, seed: int | None = 0) -> Any:
    """MLPerf Tiny's keyword spotting, 49x10x1 coefficients: 24,908 parameters, 2,656,768 products.

    10x4 convolution 64 stride 2, four depthwise and pointwise pairs 64, mean, dense 12. Sums have biases, batch
    normalization behind all but the last, as there (mlcommons/tiny, keras_model.py).
    """
    maker = Maker(weight_bits, activation_bits, seed is not None)
    told: dict[str, Any] = {"padding": "same", "use_bias": True}
    x, y = entry((49, 10, 1), input_format, "s8.3")
    y = maker.act(maker.conv(y, 64, (10, 4), "conv", strides=2, **told), "conv")
    for index in range(1, 5):
        y = maker.act(maker.depthwise(y, 3, f"depth{index}", **told), f"depth{index}")
        y = maker.act(maker.conv(y, 64, 1, f"point{index}", **told), f"point{index}")
    y = maker.mean(y)
    return seeded(keras.Model(x, maker.dense(y, 12, "logits", use_bias=True), name="ds_cnn"), seed)
