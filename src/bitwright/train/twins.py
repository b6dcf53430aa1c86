"""Which quantized layer stands for which Keras layer, and what it takes; conversions read it from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitwright.train import layers as ql
from bitwright.train.layers.base import Role

__all__ = ["TWINS", "Twin"]


@dataclass(frozen=True)
class Twin:
    """The quantized class `kind` for a Keras class; `more`: arguments beside quantizers that a rule may set."""

    kind: Any
    more: tuple[str, ...] = ("activation",)

    @property
    def name(self) -> str:
        """The name of the quantized class."""
        return self.kind.__name__

    @property
    def roles(self) -> tuple[Role, ...]:
        """What is quantized: the weights, those of the cell in recurrent layers, then other things."""
        return getattr(self.kind, "cell_class", self.kind).roles

    @property
    def quantizers(self) -> tuple[str, ...]:
        """The names of the quantizer arguments, that of the first kernel first."""
        return tuple(role.quantizer for role in self.roles)

    @property
    def settings(self) -> set[str]:
        """Everything that a rule may set."""
        return {*self.quantizers, *self.more}


_GATED = ("activation", "recurrent_activation")
TWINS: dict[str, Twin] = {
    "Dense": Twin(ql.QDense),
    "EinsumDense": Twin(ql.QEinsumDense),
    "Embedding": Twin(ql.QEmbedding, ()),
    "Conv1D": Twin(ql.QConv1D),
    "Conv2D": Twin(ql.QConv2D, ("activation", "mask")),
    "Conv2DTranspose": Twin(ql.QConv2DTranspose),
    "DepthwiseConv2D": Twin(ql.QDepthwiseConv2D),
    "SeparableConv1D": Twin(ql.QSeparableConv1D),
    "SeparableConv2D": Twin(ql.QSeparableConv2D),
    "SimpleRNN": Twin(ql.QSimpleRNN),
    "LSTM": Twin(ql.QLSTM, _GATED),
    "GRU": Twin(ql.QGRU, _GATED),
    "BatchNormalization": Twin(ql.QBatchNormalization, ()),
    "LayerNormalization": Twin(ql.QLayerNormalization),
    "Softmax": Twin(ql.QSoftmax, ()),
    "MultiHeadAttention": Twin(ql.QMultiHeadAttention, ()),
    "PReLU": Twin(ql.QPReLU),
    "AveragePooling2D": Twin(ql.QAveragePooling2D),
    "GlobalAveragePooling2D": Twin(ql.QGlobalAveragePooling2D),
}
"""By the name of the Keras class. Activations, which become QActivation, and wrappers are not here."""
