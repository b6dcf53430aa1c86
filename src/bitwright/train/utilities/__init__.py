"""QKeras's utilities: converting, folding, exporting and measuring quantized models.

Nothing here prints: what QKeras prints is returned as text, and `bitwright.flow` shows it.
"""

from __future__ import annotations

__all__: list[str] = []
