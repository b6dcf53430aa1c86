"""The Keras door: Keras and its operations, typed Any because they ship no usable types."""

from __future__ import annotations

from typing import Any

import keras as _keras
from keras import ops as _ops

__all__ = ["keras", "ops"]

keras: Any = _keras
ops: Any = _ops
