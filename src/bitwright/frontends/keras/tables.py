"""Layers whose every output element is a function of one input element: tables, one an output."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from keras import layers as kl
from keras import ops

from bitwright.core.errors import Unsupported
from bitwright.frontends.grid.elementwise import Elementwise
from bitwright.frontends.grid.walk import Lazy, Walk
from bitwright.frontends.keras.activation import activation_piece, then
from bitwright.frontends.keras.rules import lower
from bitwright.frontends.keras.weights import integer_kernel
from bitwright.ir.graph.ops import Map, Reshape, Upsample
from bitwright.numeric import Ints, Steps, Table
from bitwright.train import layers as ql

__all__: list[str] = []


def _repeated(walk: Walk, lazy: Lazy, count: int, name: str) -> int:
    """The tensor with a last axis on which each element stands `count` times."""
    shape = (*lazy.shape, 1)
    position = walk.emit(Reshape(shape), [walk.codes(lazy, name)], name)
    return walk.emit(Upsample((*(1,) * len(lazy.shape), count)), [position], name)


@lower.on(ql.QEmbedding)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    name, lazy = layer.name, inputs[0]
    if layer.mask_zero:
        raise Unsupported("mask_zero=True", where=f"layer '{name}'", remedy="use mask_zero=False and fixed lengths")
    codes, steps = integer_kernel(layer.quantized_weights()["embeddings"].z, name)
    type = walk.type(walk.indices(lazy, len(codes), name))
    if type.step.uniform != 1 or int(type.low.array.min()) < 0 or int(type.high.array.max()) >= len(codes):
        raise Unsupported(
            f"its input is not made of indices from 0 to {len(codes) - 1}",
            where=f"layer '{name}'",
            why="beyond its table Keras's result is undefined",
            remedy="let it read an input of the model, or quantize so that the codes stay in the table",
        )
    form = Table(Ints(np.zeros(codes.shape[1], dtype=np.int64)), Ints(codes.T))
    spread = _repeated(walk, lazy, codes.shape[1], name)
    columns = Ints(np.arange(codes.shape[1]))
    position = walk.emit(Map(form, columns), [spread], name, Steps(steps, (len(steps),)))
    walk.note(name, True, f"a table of {len(codes)} rows, looked up")
    return Lazy(walk.type(position).shape, position)


@lower.on(ql.Thermometer)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    position = _repeated(walk, inputs[0], layer.width, layer.name)
    numbers = np.arange(layer.width, dtype=np.float32)
    shape = walk.type(position).shape
    if layer.merge_with_channels:
        numbers = np.tile(numbers, shape[-2])
        shape = (*shape[:-2], shape[-2] * shape[-1])
        position = walk.emit(Reshape(shape), [position], layer.name)
    piece = Elementwise(
        layer.name, lambda x: layer.encoded(x, ops.convert_to_tensor(numbers)), channelwise=True, monotone=False
    )
    return Lazy(shape, position, (piece,))


@lower.on(kl.PReLU, ql.QPReLU)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    slopes = np.asarray(ops.convert_to_numpy(layer.alpha))
    piece = activation_piece(getattr(layer, "activation", None), layer.name, layer)
    varies = [n > 1 for n in slopes.shape]
    rising = bool((slopes >= 0).all()) and (piece.monotone or getattr(layer, "activation", None) is None)
    piece = replace(piece, monotone=rising, channelwise=True, elementwise=any(varies[:-1]))
    return then(inputs[0], piece)
