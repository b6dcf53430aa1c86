"""Residual networks: ResNet-8 of MLPerf Tiny, ResNet-18 and its blocks."""

from __future__ import annotations

from typing import Any

from bitwright.train.door import keras
from bitwright.train.zoo.blocks import Maker, entry
from bitwright.train.zoo.seeding import seeded

__all__ = ["resnet8", "resnet18", "resnet18_block"]


def resnet8(
    weight_bits: int = 4,
    activation_bits: int = 4,
    *,
    branch_bits: int | None = None,
    input_format: Any = None,
    seed: int | None = 0,
) -> Any:
    """MLPerf Tiny's image classification, 32x32x3 pixels: 3x3 convolution 16, blocks 16, 32, 64, mean, dense 10.

    78,666 parameters, 12,501,632 products. Convolutions have biases; the shortcut of blocks 2 and 3 is a 1x1
    convolution with stride 2 without normalization, as there (mlcommons/tiny, resnet_v1_eembc). What a residual
    addition reads is rounded to `branch_bits` signed bits (two more than activations unless told).
    """
    bits = branch_bits or activation_bits + 2
    maker = Maker(weight_bits, activation_bits, seed is not None)
    x, y = entry((32, 32, 3), input_format, "u8.8")
    y = maker.act(maker.conv(y, 16, 3, "conv", padding="same", use_bias=True), "conv")
    for index, filters in enumerate((16, 32, 64), 1):
        y = _block(maker, y, filters, 1 if index == 1 else 2, f"block{index}", bits, bias=True, norm=False)
    y = maker.mean(y)
    return seeded(keras.Model(x, maker.dense(y, 10, "logits", use_bias=True), name="resnet8"), seed)


def resnet18(
    weight_bits: int = 4,
    activation_bits: int = 4,
    *,
    size: int = 224,
    classes: int = 1000,
    edge_bits: int = 8,
    branch_bits: int | None = None,
    input_format: Any = None,
    seed: int | None = 0,
) -> Any:
    """ResNet-18 on size x size x 3 pixels: 11,689,512 trainable parameters, 1,814,073,344 products at 224.

    7x7 convolution 64 stride 2, pool 3x3 stride 2, four stages of two blocks (64, 128, 256, 512), mean, dense. The
    first and the last layer have weights of `edge_bits`. Windows with stride 2 are padded as Keras pads 'same'.
    Source: He et al., arXiv:1512.03385, with torchvision's 1x1 shortcuts with normalization.
    """
    bits = branch_bits or activation_bits + 2
    maker = Maker(weight_bits, activation_bits, seed is not None)
    x, y = entry((size, size, 3), input_format, "u8.8")
    y = maker.act(maker.conv(y, 64, 7, "conv", bits=edge_bits, strides=2, padding="same"), "conv")
    y = keras.layers.MaxPooling2D(3, 2, padding="same", name="pool")(y)
    for stage, filters in enumerate((64, 128, 256, 512), 1):
        for index in (1, 2):
            strides = 2 if stage > 1 and index == 1 else 1
            y = _block(maker, y, filters, strides, f"block{stage}_{index}", bits)
    y = maker.mean(y)
    y = maker.dense(y, classes, "logits", bits=edge_bits, use_bias=True)
    return seeded(keras.Model(x, y, name="resnet18"), seed)


def resnet18_block(
    weight_bits: int = 4,
    activation_bits: int = 4,
    *,
    size: int = 14,
    channels: int = 64,
    strides: int = 1,
    branch_bits: int | None = None,
    input_format: Any = None,
    seed: int | None = 0,
) -> Any:
    """One block of ResNet-18 on size x size: `channels` filters, half as many input channels where it has stride 2.

    Inputs are activations: unsigned, in [0, 4), of `activation_bits`.
    """
    maker, bits = Maker(weight_bits, activation_bits, seed is not None), branch_bits or activation_bits + 2
    shape = (size, size, channels // 2 if strides == 2 else channels)
    x, y = entry(shape, input_format, f"quantized_relu({activation_bits},2)")
    return seeded(keras.Model(x, _block(maker, y, channels, strides, "block", bits), name="resnet18_block"), seed)


def _block(
    maker: Maker, x: Any, filters: int, strides: int, name: str, bits: int, *, bias: bool = False, norm: bool = True
) -> Any:
    """Two convolutions and what goes around them; `norm`: normalization in the shortcut, `bias` as in the original."""
    told: dict[str, Any] = {"padding": "same", "use_bias": bias}
    y = maker.act(maker.conv(x, filters, 3, f"{name}_conv1", strides=strides, **told), f"{name}_conv1")
    y = maker.branch(maker.conv(y, filters, 3, f"{name}_conv2", **told), f"{name}_conv2", bits)
    if strides > 1 or x.shape[-1] != filters:
        x = maker.conv(x, filters, 1, f"{name}_short", strides=strides, **told)
        x = maker.branch(x, f"{name}_short", bits, norm=norm)
    y = keras.layers.Add(name=f"{name}_add")([x, y])
    return maker.act(y, name, norm=False)
