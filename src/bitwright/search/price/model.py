"""`price_of`: the price of a whole model, layer by layer, from the variables as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitwright.search.price.rules import Known, Tally, price
from bitwright.train.door import keras, ops
from bitwright.train.rewrite import is_network
from bitwright.train.wiring import functional_of, readings

__all__ = ["Price", "price_now", "price_of"]


@dataclass(frozen=True)
class Price:
    """Scalars with gradients: LUTs as the compiler builds them, HGQ's effective bit operations, and stored bits."""

    luts: Any
    ebops: Any
    bits: Any
    by_layer: dict[str, Any]


def price_of(model: Any, removed: float = 2.0) -> Price:
    """The price of `model` (functional or Sequential), whose variables may be traced values (`keras.StatelessScope`).

    `removed`: bits that one LUT takes out of a sum, 2 where a carry chain adds three operands and 1 where it adds two.

    Raises Unsupported, naming the layer, where a layer has no rule or reads values that are not quantized.
    """
    tally = Tally(removed)
    network = functional_of(model)
    entries = [Known(tuple(int(n) for n in t.shape[1:]), entry=True) for t in network.inputs]
    _walk(network, tally, entries)
    return Price(_sum(tally.luts), _sum(tally.ebops), _sum(tally.bits), dict(tally.luts))


def price_now(model: Any, removed: float = 2.0) -> dict[str, float]:
    """The same as numbers: "luts", "ebops" and "bits" of the model as it is, computed in one compiled piece."""
    variables = model.variables

    def numbers(values: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            found = price_of(model, removed)
        return {"luts": found.luts, "ebops": found.ebops, "bits": found.bits}

    values = [ops.convert_to_tensor(v) for v in variables]
    if keras.backend.backend() == "jax":
        import jax

        numbers = jax.jit(numbers)
    return {name: float(ops.convert_to_numpy(value)) for name, value in numbers(values).items()}


def _walk(network: Any, tally: Tally, entries: list[Known]) -> list[Known]:
    known = {id(t): entry for t, entry in zip(network.inputs, entries, strict=True)}
    for layer, reads, yields in readings(network):
        if isinstance(layer, keras.layers.InputLayer):
            continue
        inputs = [known[id(t)] for t in reads]
        found = _walk(functional_of(layer), tally, inputs) if is_network(layer) else [price(layer, tally, inputs)]
        known.update((id(t), what) for t, what in zip(yields, found, strict=True))
    return [known[id(t)] for t in network.outputs]


def _sum(parts: dict[str, Any]) -> Any:
    total = ops.zeros(())
    for part in parts.values():
        total = total + part
    return total
