"""`QMultiHeadAttention`: attention with every value between its products on a known grid."""

from __future__ import annotations

from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.layers.base import Quantized, Role, apply
from bitwright.train.layers.einsum import QEinsumDense
from bitwright.train.layers.normalized import QSoftmax
from bitwright.train.public import public
from bitwright.train.quantizers.base import BaseQuantizer

__all__ = ["QMultiHeadAttention"]

_PROJECTED = "abc,cde->abde"
_JOINED = "abcd,cde->abe"


@public("bitwright.layers")
class QMultiHeadAttention(Quantized, keras.layers.MultiHeadAttention):
    """MultiHeadAttention on tensors (batch, tokens, features), all quantized.

    kernel_quantizer, bias_quantizer: of all four projections. query_, key_, value_quantizer: of what
    the projections give. score_quantizer: of q k / sqrt(key_dim). exp_, inverse_, weight_quantizer:
    of the softmax, see `QSoftmax` (weight_quantizer is its output's). context_quantizer: of what the
    weights mix, before the output projection, whose result is left as it is. The variables are
    those of keras.layers.MultiHeadAttention, in its order; so are all other arguments, without use_gate.
    """

    roles = tuple(
        Role("", prefix, is_weight=False)
        for prefix in ("kernel", "bias", "query", "key", "value", "score", "exp", "inverse", "weight", "context")
    )
    has_activation = False

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        *,
        query_quantizer: Any = "quantized_bits(8,2,alpha=1)",
        key_quantizer: Any = "quantized_bits(8,2,alpha=1)",
        value_quantizer: Any = "quantized_bits(8,2,alpha=1)",
        score_quantizer: Any = "quantized_bits(8,3,alpha=1)",
        exp_quantizer: Any = "quantized_relu(8,1)",
        inverse_quantizer: Any = "quantized_relu(10,1)",
        weight_quantizer: Any = "quantized_relu(8,0)",
        context_quantizer: Any = "quantized_bits(8,2,alpha=1)",
        **kwargs: Any,
    ) -> None:
        if kwargs.get("use_gate"):
            raise InvalidValue("use_gate is not quantized", where="QMultiHeadAttention", remedy="leave it out")
        super().__init__(
            num_heads=num_heads,
            key_dim=key_dim,
            value_dim=value_dim,
            query_quantizer=query_quantizer,
            key_quantizer=key_quantizer,
            value_quantizer=value_quantizer,
            score_quantizer=score_quantizer,
            exp_quantizer=exp_quantizer,
            inverse_quantizer=inverse_quantizer,
            weight_quantizer=weight_quantizer,
            context_quantizer=context_quantizer,
            **kwargs,
        )

    def build(  # pyright: ignore[reportIncompatibleMethodOverride] - three shapes, as in Keras
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> None:
        """Makes the four projections and the softmax."""
        key_shape = value_shape if key_shape is None else key_shape
        if {len(query_shape), len(value_shape), len(key_shape)} != {3}:
            raise InvalidValue(
                f"inputs of shapes {query_shape}, {value_shape}, {key_shape}",
                where=f"layer '{self.name}'",
                remedy="give tensors (batch, tokens, features)",
            )
        heads = {"query": self.key_dim, "key": self.key_dim, "value": self.value_dim}
        shapes = {"query": query_shape, "key": key_shape, "value": value_shape}
        made = {name: self._projection(name, _PROJECTED, (None, self.num_heads, n), "de") for name, n in heads.items()}
        for name, layer in made.items():
            layer.build(shapes[name])
        self._query_dense, self._key_dense, self._value_dense = made.values()
        self._build_attention(4)
        units = self._output_shape[0] if self._output_shape else query_shape[-1]
        self._output_dense = self._projection("attention_output", _JOINED, (None, units), "e")
        self._output_dense.build((*query_shape[:2], self.num_heads, self.value_dim))

    def get_prunable_weights(self) -> list[Any]:
        """The kernels of the projections."""
        return [layer.kernel for layer in (self.query_dense, self.key_dense, self.value_dense, self.output_dense)]

    def scaled(self, scores: Any, training: bool | None = None) -> Any:
        """From q k to the quantized scores."""
        return apply(self._own("score"), scores * self._inverse_sqrt_key_dim, training)

    def mixed(self, context: Any, training: bool | None = None) -> Any:
        """The quantized mixture of values."""
        return apply(self._own("context"), context, training)

    @property
    def softmax(self) -> QSoftmax:
        """What turns scores into weights."""
        return self._softmax

    def _own(self, prefix: str) -> Any:
        return getattr(self, f"{prefix}_quantizer")

    def _projection(self, name: str, equation: str, shape: tuple[Any, ...], bias: str) -> QEinsumDense:
        return QEinsumDense(
            equation,
            shape,
            bias_axes=bias if self.use_bias else None,
            name=name,
            activation=_another(self._own(name)) if name != "attention_output" else None,
            kernel_quantizer=_another(self._own("kernel")),
            bias_quantizer=_another(self._own("bias")),
            **self._get_common_kwargs_for_sublayer(),
        )

    def _build_attention(self, rank: int) -> None:
        super()._build_attention(rank)
        self._softmax = QSoftmax(
            axis=-1,
            exp_quantizer=_another(self._own("exp")),
            inverse_quantizer=_another(self._own("inverse")),
            output_quantizer=_another(self._own("weight")),
            dtype=self.dtype_policy,
        )

    def _compute_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        **_: Any,
    ) -> Any:
        # Scaled after the product, so that the product is one of grids.
        scores = self.scaled(ops.einsum("aecd,abcd->acbe", key, query), training)
        weights = self._masked_softmax(scores, attention_mask)
        dropped = self._dropout_layer(weights, training=training) if self.dropout else weights
        return self.mixed(ops.einsum("acbe,aecd->abcd", dropped, value), training), weights


def _another(quantizer: Any) -> Any:
    """A quantizer of its own with the same arguments: some remember their last scale."""
    return type(quantizer).from_config(quantizer.get_config()) if isinstance(quantizer, BaseQuantizer) else quantizer
