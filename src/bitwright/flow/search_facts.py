"""What a search is told of a model: what the compiler makes of it, what its numbers hold, and its energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitwright.core.errors import BitwrightError, Unsupported
from bitwright.flow.compiling import compile_model
from bitwright.flow.design import Design
from bitwright.flow.options import Options
from bitwright.search.price import price_now
from bitwright.search.scores import inference_pj

__all__ = ["Measured", "facts_of"]


@dataclass(frozen=True)
class Measured:
    """Compiles a model and tells its facts; it can travel to another process. removed: see `price_of`."""

    options: Options
    removed: float

    def __call__(self, model: Any) -> dict[str, float]:
        """The facts of `model` as it is."""
        return facts_of(model, compile_model(model, self.options), self.removed)


def facts_of(model: Any, design: Design, removed: float) -> dict[str, float]:
    """Area, latency, bits, effective bit operations and energy; what no rule can tell of this model is left out."""
    found = design.estimate()
    return {
        "luts": float(found.luts),
        "ffs": float(found.ffs),
        "carries": float(found.carries),
        "dsps": float(found.dsps),
        "brams": float(found.brams),
        "latency_cycles": float(found.latency_cycles),
        "latency_ns": found.latency_cycles * 1000.0 / design.clock_mhz,
        **_priced(model, removed),
        **_energy(model),
    }


def _priced(model: Any, removed: float) -> dict[str, float]:
    try:
        price = price_now(model, removed)
    except Unsupported:
        return {}
    return {"ebops": price["ebops"], "bits": price["bits"], "price": price["luts"]}


def _energy(model: Any) -> dict[str, float]:
    try:
        return {"energy_pj": inference_pj(model)}
    except BitwrightError:
        return {}
