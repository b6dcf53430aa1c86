"""`QEmbedding`: a table of quantized rows."""

from __future__ import annotations

from typing import Any

from bitwright.train.door import keras, ops
from bitwright.train.layers.attribute import Overlaid, overlaid
from bitwright.train.layers.base import Quantized, QuantizedTensor, Role, apply, as_numpy
from bitwright.train.public import public

__all__ = ["QEmbedding"]


@public("bitwright.layers")
class QEmbedding(Quantized, keras.layers.Embedding):
    """Embedding with a quantized table.

    embeddings_quantizer: a quantizer or a QKeras string (None: float); without alpha it scales itself
    per output feature ("auto_po2"). All other arguments are those of keras.layers.Embedding.
    """

    roles = (Role("embeddings", "embeddings", is_kernel=True),)
    has_activation = False

    embeddings = Overlaid()

    def __init__(self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform", **kwargs: Any) -> None:
        super().__init__(
            input_dim=input_dim, output_dim=output_dim, embeddings_initializer=embeddings_initializer, **kwargs
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The rows that `inputs`, indices, name."""
        with overlaid(self, embeddings=self._quantized(training)):
            return super().call(inputs)

    def quantized_weights(self) -> dict[str, QuantizedTensor]:
        """The table as the layer uses it at inference."""
        return {"embeddings": QuantizedTensor(as_numpy(self._quantized(None)))}

    def _quantized(self, training: bool | None) -> Any:
        return apply(getattr(self, "embeddings_quantizer"), ops.convert_to_tensor(self.embeddings), training)  # noqa: B009
