"""QKeras's `qkeras.qtools.generate_layer_data_type_map`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.cost.qtools import (
    UnknownQuantizer as TagMissingError,
)
from bitwright.flow.qtools.maps import (
    generate_layer_data_type_map,
)

__all__ = [
    "TagMissingError",
    "generate_layer_data_type_map",
]
