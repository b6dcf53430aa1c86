"""`Certificate`: what is proven of a build and what was compared, as a value and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from bitwright.core.errors import ParseError

__all__ = ["SCHEMA", "Certificate", "Comparison", "LayerProof", "NeuronProof"]

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class LayerProof:
    """One layer: the exact range and format of its codes, whether Keras equals them, and why."""

    layer: str
    kind: str
    low: int
    high: int
    format: str
    step: str
    exact: bool
    why: str
    unstable_codes: int = 0
    examples: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two levels run on the same vectors; `differences` counts differing codes, `exempt` samples that may differ.

    Those are on unstable codes, or (ONNX models alone) differ by less than the model's own float32 resolves.
    """

    before: str
    after: str
    data: str
    vectors: int
    differences: int
    exempt: int = 0


@dataclass(frozen=True, slots=True)
class NeuronProof:
    """One neuron of the Verilog against the graph, for every input: proved, refuted or undecided within `limit_s`.

    `element` counts in C order within its tensor; `why` is the counterexample of a refuted one.
    """

    layer: str
    element: int
    verdict: str
    limit_s: float
    tool: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Hashes of what belongs together, a proof per layer, and every comparison that was made.

    >>> c = Certificate("net", {"model": "ab"}, (), ())
    >>> Certificate.from_json(c.to_json()) == c
    True
    """

    name: str
    hashes: dict[str, str]
    layers: tuple[LayerProof, ...]
    comparisons: tuple[Comparison, ...]
    versions: dict[str, str] | None = None
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA
    neurons: tuple[NeuronProof, ...] = ()

    @property
    def proved(self) -> str:
        """How many of the neurons tried are proved, in words."""
        good = sum(neuron.verdict == "proved" for neuron in self.neurons)
        return f"proved {good} of {len(self.neurons)} neurons"

    @property
    def differences(self) -> int:
        """Differing codes over all comparisons."""
        return sum(c.differences for c in self.comparisons)

    def compared(self, comparisons: tuple[Comparison, ...]) -> Certificate:
        """The same certificate with more comparisons."""
        return replace(self, comparisons=self.comparisons + comparisons)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    def to_json(self) -> str:
        """As JSON text with sorted keys: equal certificates give equal bytes."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """The certificate that `text` holds; raises `ParseError` for another schema or a broken text."""
        try:
            record = json.loads(text)
            schema = record.get("schema")
            if schema == SCHEMA:
                return cls(**{**record, **_tuples(record)})
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ParseError("no certificate", why=str(error), remedy="verify again") from error
        raise ParseError(f"certificate schema {schema} is not {SCHEMA}", remedy="verify again")


def _tuples(record: dict[str, Any]) -> dict[str, Any]:
    proofs: Any = record["layers"]
    return {
        "layers": tuple(LayerProof(**_with_tuple(p)) for p in proofs),
        "comparisons": tuple(Comparison(**c) for c in record["comparisons"]),
        "notes": tuple(record["notes"]),
        "neurons": tuple(NeuronProof(**n) for n in record.get("neurons", ())),
    }


def _with_tuple(proof: dict[str, Any]) -> dict[str, Any]:
    return {**proof, "examples": tuple(proof["examples"])}
