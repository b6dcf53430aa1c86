"""Quantizers chosen by trials: AutoQKeras's way, judged by compiled hardware."""

from __future__ import annotations

from bitwright.search.trials.options import Trials
from bitwright.search.trials.run import TrialsFound, trials_front

__all__ = ["Trials", "TrialsFound", "trials_front"]
