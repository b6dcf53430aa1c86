"""`QMultiHeadAttention`: projections, two products of live tensors, and a softmax between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from bitwright.frontends.grid.exact import one_step, product
from bitwright.frontends.grid.walk import Lazy, Walk
from bitwright.frontends.keras.einsum import einsum_of
from bitwright.frontends.keras.normalized import quantized_piece, softmax_of
from bitwright.frontends.keras.rules import lower
from bitwright.ir.graph.ops import MatMul, Transpose
from bitwright.train import layers as ql

__all__: list[str] = []

_FEWER = "use fewer bits in query_, key_, value_ or weight_quantizer"


@lower.on(ql.QMultiHeadAttention)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    name, (query, value, key) = layer.name, (*inputs, inputs[1])[:3]
    q = _heads(walk, layer.query_dense, query, (1, 0, 2), layer)
    k = _heads(walk, layer.key_dense, key, (1, 2, 0), layer)
    v = _heads(walk, layer.value_dense, value, (1, 0, 2), layer)
    scores = product(walk, MatMul(), q, k, name, _FEWER)
    scaled = quantized_piece(layer.score_quantizer, layer.scaled, name, "score_quantizer")
    shape = walk.type(scores).shape
    kept = _kept(layer, walk, shape[-2], shape[-1])
    weights = softmax_of(layer.softmax, walk, walk.codes(Lazy(shape, scores, (scaled,)), name), name, kept)
    mixed = product(walk, MatMul(), walk.codes(weights, name), v, name, _FEWER)
    context = walk.emit(Transpose((1, 0, 2)), [mixed], name)
    piece = quantized_piece(layer.context_quantizer, layer.mixed, name, "context_quantizer")
    return einsum_of(layer.output_dense, walk, Lazy(walk.type(context).shape, context, (piece,)), name)


def _heads(walk: Walk, projection: Any, lazy: Lazy, order: tuple[int, ...], layer: Any) -> int:
    """A projection's codes on one step, heads first."""
    position = walk.codes(einsum_of(projection, walk, lazy, layer.name), layer.name)
    return walk.emit(Transpose(order), [one_step(walk, position, layer.name)], layer.name)


def _kept(layer: Any, walk: Walk, rows: int, columns: int) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Which keys a query sees: all, or those up to its own place, or in a window around it."""
    window = getattr(layer, "_sliding_window", None)
    causal = bool(walk.options.get("use_causal_mask"))
    if window is None and not causal:
        return None
    mask = layer._compute_attention_mask(
        np.zeros((1, rows, 1), np.float32), np.zeros((1, columns, 1), np.float32), use_causal_mask=causal
    )
    return np.asarray(mask).reshape(rows, columns)
