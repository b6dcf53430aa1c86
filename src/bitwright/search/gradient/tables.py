"""How networks of table neurons are searched: one frozen record."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bitwright.core.errors import ConfigError

__all__ = ["TRAINED", "Tables"]

TRAINED = 0.85
"""Of a budget; the rest is for compiling and verifying what was trained."""
_MOST_BITS = 8


@dataclass(frozen=True)
class Tables:
    """Options of the search for networks of table neurons.

    points: models of the front. hidden: neurons of the hidden layers (None: two layers, half of the float model's
    first and last hidden layer, 32 at most). input_bits, hidden_bits: of the codes that tables read. epochs: of the
    warm-up, the descent and the finish (None: what `budget_s` allows, 10, 24 and 30 without it). budget_s: as of
    `Gradient`. batch_size, learning_rate: of Adam. distill: the share of the loss that compares with the teacher.
    first, last: LUTs at which the descent begins and ends (None: those of the start; a sixteenth of that). seed:
    everything random.
    """

    points: int = 8
    hidden: tuple[int, ...] | None = None
    input_bits: int = 6
    hidden_bits: int = 5
    epochs: tuple[int, int, int] | None = None
    budget_s: float | None = None
    batch_size: int = 2048
    learning_rate: float = 3e-3
    distill: float = 0.9
    first: float | None = None
    last: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("points", "batch_size"):
            self._refuse(getattr(self, name) < 1, name, "give 1 or more")
        for name in ("input_bits", "hidden_bits"):
            self._refuse(not 1 <= getattr(self, name) <= _MOST_BITS, name, f"give 1 to {_MOST_BITS}")
        self._refuse(not 0 <= self.distill <= 1, "distill", "give a share from 0 to 1")
        wrong = self.hidden is not None and (not self.hidden or min(self.hidden) < 1)
        self._refuse(wrong, "hidden", "give the neurons of each hidden layer, such as (32, 16)")
        self._refuse(self.epochs is not None and min(self.epochs) < 1, "epochs", "give three numbers from 1 up")

    def as_dict(self) -> dict[str, Any]:
        """Every option by name, as plain data."""
        return asdict(self)

    def _refuse(self, wrong: bool, name: str, remedy: str) -> None:
        if wrong:
            raise ConfigError(f"{name}={getattr(self, name)!r}", where="search with tables", remedy=remedy)
