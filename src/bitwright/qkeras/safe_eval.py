"""QKeras's `qkeras.safe_eval`: reads a call without evaluating anything."""

from __future__ import annotations

from bitwright.train.spec import get_params as GetParams  # noqa: N812 - QKeras's name
from bitwright.train.spec import safe_eval

__all__ = ["GetParams", "safe_eval"]
