"""Convolution networks in a chain: CNV, SVHN, Tincy-YOLO, AlexNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitwright.train.door import keras
from bitwright.train.zoo.blocks import Maker, entry
from bitwright.train.zoo.seeding import seeded

__all__ = ["cnv", "dorefa_alexnet", "svhn_cnn", "tincy_yolo"]


def cnv(
    weight_bits: int = 1,
    activation_bits: int = 1,
    *,
    width: float = 1.0,
    input_format: Any = None,
    seed: int | None = 0,
) -> Any:
    """FINN's CNV: 3x3 convolutions 64, 64, pool, 128, 128, pool, 256, 256 without padding, dense 512, 512, 10.

    32x32x3 inputs in [-1, 1) of 8 bits; 1,542,848 weights; 59,461,376 products (118.9 MOp; FINN's papers say
    112.5). `width` scales all hidden widths: what is left after pruning channels.
    Source: Umuroglu et al., FINN, FPGA 2017; Blott et al., FINN-R, TRETS 2018.
    """
    maker = Maker(weight_bits, activation_bits, seed is not None)
    x, y = entry((32, 32, 3), input_format, "s8.7")
    for index, filters in enumerate((64, 64, 128, 128, 256, 256), 1):
        y = maker.act(maker.conv(y, _scaled(filters, width), 3, f"conv{index}"), f"conv{index}")
        y = keras.layers.MaxPooling2D(2, name=f"pool{index // 2}")(y) if index in (2, 4) else y
    y = keras.layers.Flatten(name="flatten")(y)
    for index in (1, 2):
        y = maker.act(maker.dense(y, _scaled(512, width), f"fc{index}"), f"fc{index}")
    return seeded(keras.Model(x, maker.dense(y, 10, "logits"), name="cnv"), seed)


def _scaled(channels: int, width: float) -> int:
    return max(1, round(channels * width))


def svhn_cnn(weight_bits: int = 6, activation_bits: int = 6, *, input_format: Any = None, seed: int | None = 0) -> Any:
    """hls4ml's street view digits: 3x3 convolutions 16, 16, 24, each with a 2x2 pool, dense 42, 64, 10.

    32x32x3 pixels in [0, 1) of 8 bits; 13,552 weights, 14,210 parameters, 840,832 products. Convolutions and
    hidden layers without bias, batch normalization behind each. Source: Aarrestad et al., arXiv:2101.05108.
    """
    maker = Maker(weight_bits, activation_bits, seed is not None)
    x, y = entry((32, 32, 3), input_format, "u8.8")
    for index, filters in enumerate((16, 16, 24), 1):
        y = maker.act(maker.conv(y, filters, 3, f"conv{index}"), f"conv{index}")
        y = keras.layers.MaxPooling2D(2, name=f"pool{index}")(y)
    y = keras.layers.Flatten(name="flatten")(y)
    for index, units in enumerate((42, 64), 1):
        y = maker.act(maker.dense(y, units, f"fc{index}"), f"fc{index}")
    return seeded(keras.Model(x, maker.dense(y, 10, "logits", use_bias=True), name="svhn_cnn"), seed)


_TINCY = ((16, 2, 0), (64, 1, 2), (64, 1, 2), (128, 1, 2), (256, 1, 2), (512, 1, 1), (512, 1, 0), (512, 1, 0))
"""Filters, stride, and the stride of the 2x2 pool behind (0: none)."""


def tincy_yolo(
    weight_bits: int = 1,
    activation_bits: int = 3,
    *,
    size: int = 416,
    edge_bits: int = 8,
    input_format: Any = None,
    seed: int | None = 0,
) -> Any:
    """Tincy-YOLO for the 20 classes of Pascal VOC: nine convolutions on size x size x 3 pixels.

    3x3 convolutions 16 (stride 2), 64, 64, 128, 256, 512, 512, 512, 2x2 pools behind the second to fifth (stride 2)
    and the sixth (stride 1), 1x1 convolution 125 with a bias. That is Tiny-YOLO with the changes of the paper:
    stride 2 instead of the first pool, 64 instead of 32 filters in the second layer, 512 instead of 1024 in the last
    two. 2,222,471,680 products: 4.445 GOp, as published; with FINN-R's folding layers 1 to 8 take 389,376 cycles each.
    The first and the last layer have weights of `edge_bits`.
    Source: Preusser et al., Inference of Quantized Neural Networks on Heterogeneous All-Programmable Devices, 2018.
    """
    maker = Maker(weight_bits, activation_bits, seed is not None)
    x, y = entry((size, size, 3), input_format, "u8.8")
    for index, (filters, strides, pool) in enumerate(_TINCY, 1):
        bits = edge_bits if index == 1 else None
        y = maker.conv(y, filters, 3, f"conv{index}", bits=bits, strides=strides, padding="same")
        y = maker.act(y, f"conv{index}")
        if pool:
            y = keras.layers.MaxPooling2D(2, pool, padding="same", name=f"pool{index}")(y)
    y = maker.conv(y, 125, 1, "conv9", bits=edge_bits, use_bias=True)
    return seeded(keras.Model(x, y, name="tincy_yolo"), seed)


@dataclass(frozen=True)
class _Alex:
    """Filters of the five convolutions of AlexNet."""

    filters: tuple[int, int, int, int, int]


_WHOLE, _PRUNED = _Alex((96, 256, 384, 384, 256)), _Alex((68, 180, 272, 384, 256))


def dorefa_alexnet(
    weight_bits: int = 1,
    activation_bits: int = 2,
    *,
    pruned: bool = False,
    dense_units: int = 4096,
    edge_bits: int = 8,
    input_format: Any = None,
    seed: int | None = 0,
) -> Any:
    """DoReFa-Net's AlexNet on 224x224x3 pixels: five convolutions, the second, fourth and fifth in two groups.

    12x12 stride 4 without padding (96), 5x5 (256), pool, 3x3 (384), pool, 3x3 (384), 3x3 (256), pool, dense
    9216-4096-4096-1000; pools 3x3 stride 2. pruned: FINN-R's, 68, 180, 272, 384, 256 filters. 1,937,082,368 products
    whole and 1,090,484,192 pruned. The first and the last layer have weights of `edge_bits`; `dense_units` narrows
    the two hidden dense layers. No normalization behind the first convolution, as there.
    Source: Zhou et al., arXiv:1606.06160 (tensorpack's alexnet-dorefa); Blott et al., FINN-R, TRETS 2018.
    """
    maker, filters = Maker(weight_bits, activation_bits, seed is not None), (_PRUNED if pruned else _WHOLE).filters
    x, y = entry((224, 224, 3), input_format, "u8.8")
    y = maker.conv(y, filters[0], 12, "conv1", bits=edge_bits, strides=4)
    y = maker.act(y, "conv1", norm=False)
    y = _pooled(maker.act(maker.conv(y, filters[1], 5, "conv2", padding="same", groups=2), "conv2"), 1, "same")
    y = _pooled(maker.act(maker.conv(y, filters[2], 3, "conv3", padding="same"), "conv3"), 2, "same")
    y = maker.act(maker.conv(y, filters[3], 3, "conv4", padding="same", groups=2), "conv4")
    y = _pooled(maker.act(maker.conv(y, filters[4], 3, "conv5", padding="same", groups=2), "conv5"), 3, "valid")
    y = keras.layers.Flatten(name="flatten")(y)
    for index in (1, 2):
        y = maker.act(maker.dense(y, dense_units, f"fc{index}"), f"fc{index}")
    y = maker.dense(y, 1000, "logits", bits=edge_bits, use_bias=True)
    return seeded(keras.Model(x, y, name="dorefa_alexnet"), seed)


def _pooled(y: Any, index: int, padding: str) -> Any:
    return keras.layers.MaxPooling2D(3, 2, padding=padding, name=f"pool{index}")(y)
