"""Search: spaces of choices, studies of trials that survive a kill, and the executors that run them."""

from __future__ import annotations

__all__: list[str] = []
