"""Many designs in one simulator: building one large library is far quicker than many small ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.toolchain.ports import Ports
from bitwright.toolchain.simulate import Simulation
from bitwright.toolchain.stage import checked_name

__all__ = ["Combined", "combine"]

Words = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Combined:
    """A module `top` (its Verilog is `text`) that holds several designs side by side under one clock.

    Port `x` of design number k is called `prefixes[k] + "x"`. Write `text` to a file, `build` it with the
    sources of all the designs, then `run` all of them at once.
    """

    text: str
    top: str
    ports: Ports
    prefixes: tuple[str, ...]

    def run(self, simulation: Simulation, inputs: Sequence[Mapping[str, Words]]) -> list[dict[str, Words]]:
        """Run every design on its own rows: one mapping per design, as for `Simulation.run`.

        Designs may have different numbers of cycles; the shorter ones see zeros afterwards, and each
        gets back as many rows as it was given.
        """
        if len(inputs) != len(self.prefixes):
            raise InvalidValue(f"{len(inputs)} sets of rows for {len(self.prefixes)} designs", where=self.top)
        counts = [max((len(words) for words in rows.values()), default=0) for rows in inputs]
        longest = max(counts, default=0)
        fed = {
            prefix + name: _padded(words, longest)
            for prefix, rows in zip(self.prefixes, inputs, strict=True)
            for name, words in rows.items()
        }
        result = simulation.run(fed)
        return [
            {name.removeprefix(prefix): rows[:count] for name, rows in result.items() if name.startswith(prefix)}
            for prefix, count in zip(self.prefixes, counts, strict=True)
        ]


def combine(designs: Sequence[tuple[str, Ports]], *, top: str = "combined") -> Combined:
    """A wrapper that instantiates each (top module, ports) once; the modules' names must be different.

    >>> both = combine([("a", Ports((("x", 2),), (("y", 1),))), ("b", Ports((("x", 4),), (("y", 1),)))])
    >>> both.ports.inputs
    (('d0_x', 2), ('d1_x', 4))
    """
    if not designs:
        raise InvalidValue("no designs to combine", where=top)
    # The number alone ends in an underscore, so that no prefix begins another.
    prefixes = tuple(f"d{index}_" for index in range(len(designs)))
    pairs = list(zip(prefixes, designs, strict=True))
    ports = Ports(
        tuple((prefix + name, width) for prefix, (_, own) in pairs for name, width in own.inputs),
        tuple((prefix + name, width) for prefix, (_, own) in pairs for name, width in own.outputs),
    )
    declared = [f"  input wire {ports.clock}"]
    declared += [f"  input wire [{width - 1}:0] {name}" for name, width in ports.inputs]
    declared += [f"  output wire [{width - 1}:0] {name}" for name, width in ports.outputs]
    instances = [_instance(prefix, module, own, ports.clock) for prefix, (module, own) in pairs]
    head = f"module {checked_name(top, 'top module')} (\n" + ",\n".join(declared) + "\n);\n"
    return Combined(head + "".join(instances) + "endmodule\n", top, ports, prefixes)


def _instance(prefix: str, module: str, ports: Ports, clock: str) -> str:
    pins = [f"    .{name}({prefix}{name})" for name, _ in (*ports.inputs, *ports.outputs)]
    if ports.clock:
        pins.insert(0, f"    .{ports.clock}({clock})")
    joined = ",\n".join(pins)
    return f"  {checked_name(module, 'module')} {prefix}instance (\n{joined}\n  );\n"


def _padded(words: Words, rows: int) -> Words:
    missing = [(0, rows - len(words))] + [(0, 0)] * (words.ndim - 1)
    return np.pad(words, missing) if missing[0][1] else words
