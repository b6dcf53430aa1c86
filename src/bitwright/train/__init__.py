"""Training on Keras 3: quantizers, quantized layers, conversion, model zoo, data and fitting.

Importing this room chooses JAX as Keras's backend unless the user has chosen another one; it does
not import Keras itself.
"""

from __future__ import annotations

from bitwright.train.backend import prefer_jax

__all__: list[str] = []

prefer_jax()
