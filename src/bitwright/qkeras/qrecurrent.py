"""QKeras's `qkeras.qrecurrent`: see `bitwright.layers`."""

from __future__ import annotations

from bitwright.train.layers import (
    QGRU,
    QLSTM,
    QBidirectional,
    QGRUCell,
    QLSTMCell,
    QSimpleRNN,
    QSimpleRNNCell,
)

__all__ = [
    "QGRU",
    "QLSTM",
    "QBidirectional",
    "QGRUCell",
    "QLSTMCell",
    "QSimpleRNN",
    "QSimpleRNNCell",
]
