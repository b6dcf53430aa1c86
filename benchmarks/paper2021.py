"""The table and the figures of Nature Machine Intelligence 3, 675 (arXiv:2006.10159), made anew by one command.

BF (16-bit hardware; QTools counts 15 bits), BP (70 % pruned), BH (heterogeneous widths after training), Q6, QE and
QB, trained on jets_hlf_pythia and compiled, unrolled, for xcvu9p at 200 MHz with inputs of 16 bits. Bits and energies
are counted as in the paper and do not depend on training; accuracies belong to our own simulation of the jets (float
73.3 %) and must not be compared with the paper's. The widths of BH are chosen on validation jets; the test
split is read once, at the end. Accuracies are means over the seeds, hardware is of the best seed on validation.
With --json FILE the figures go beside it: accuracy against width, and one ROC curve per class.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray

from benchmarks._figures import Chart, Line, main_with_figures, svg
from benchmarks._table import Claim, Outcome, at_least, at_most, equal

DATA = Path(os.environ.get("BITWRIGHT_DATA", "../shared/data")) / "jets_hlf_pythia"
PACKAGES = ("keras", "jax", "numpy")
CLOCK_MHZ = 200.0
INPUTS = "s16.10"
OUTPUTS = {"QE": "s16.8", "QB": "s16.8"}
"""Their output bias has no quantizer: the sums are rounded to these."""
PRINTED = {"BF": (67795, 3439, 3435), "Q6": (27142, 949, 945), "QE": (5008, 193, 190), "QB": (4496, 181, 184)}
"""Total bits, and energy in pJ by the rules of 2021 (as the paper prints them) and by the latest."""
HARDWARE = {"Q6": (39782, 55.0), "QE": (9149, 55.0)}
"""The paper's LUTs (besides 124 and 66 DSP) and nanoseconds, from hls4ml and Vivado."""
SYNTHESIZED_LUTS = 10_000
DROP = 0.003
PRUNED = 0.7


@dataclass(frozen=True)
class Effort:
    """How long to train, how often, and how much of the data."""

    models: tuple[str, ...]
    epochs: int
    curve_epochs: int
    seeds: tuple[int, ...]
    widths: tuple[int, ...]
    jets: int | None
    synthesis_s: float


FULL = Effort(
    ("BF", "BP", "BH", "Q6", "QE", "QB"), 20, 8, (0,), (2, 3, 4, 5, 6, 8, 10, 12, 14, 16), None, 900.0
)  # fmt: skip
QUICK = Effort(("Q6", "QE"), 1, 1, (0,), (6,), 20_000, 0.0)


@dataclass
class Made:
    """A model of the table: one Keras model per seed, the best of them, and what only this kind has to say."""

    name: str
    models: list[Any]
    best: int
    facts: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def model(self) -> Any:
        """The best on validation."""
        return self.models[self.best]


class Paper:
    """One run: trains what the rows need, once."""

    def __init__(self, effort: Effort) -> None:
        from benchmarks._paper_models import split
        from bitwright.train.data import load

        self.effort = effort
        self.data = load(DATA)
        self.choices = split(self.data, most=effort.jets)
        self._floats: list[Any] | None = None

    @property
    def floats(self) -> list[Any]:
        """The float model by seed."""
        from benchmarks._paper_models import float_model

        if self._floats is None:
            self._floats = self.seeded(float_model)
        return self._floats

    def seeded(self, build: Callable[[], Any], epochs: int | None = None) -> list[Any]:
        """`build()` trained with every seed."""
        from benchmarks._paper_models import trained

        return [trained(build, self.choices, epochs or self.effort.epochs, seed) for seed in self.effort.seeds]

    def made(self, name: str) -> Made:
        """The model of the table called `name`."""
        special = {"BF": self._bf, "BP": self._bp, "BH": self._bh}
        if name in special:
            return special[name]()
        from bitwright.train.paper import PAPER_MODELS

        return self._chosen(name, self.seeded(PAPER_MODELS[name]))

    def _bf(self) -> Made:
        from benchmarks._paper_models import sixteen

        return self._chosen("BF", [sixteen(model) for model in self.floats])

    def _bp(self) -> Made:
        import bitwright as bw
        from benchmarks._paper_models import BATCH, float_model, sixteen, trained

        epoch = -(-len(self.choices.x_train) // BATCH)
        models: list[Any] = []
        prunings: list[Any] = []
        for seed in self.effort.seeds:
            schedule = bw.PolynomialDecay(0.0, PRUNED, epoch, epoch * self.effort.epochs * 3 // 4)
            prunings.append(bw.Prune(schedule))
            models.append(sixteen(trained(float_model, self.choices, self.effort.epochs, seed, [prunings[-1]])))
        chosen = self._chosen("BP", models)
        saved = bw.saved_by_pruning(chosen.model, prunings[chosen.best], input_format=INPUTS, clock_mhz=CLOCK_MHZ)
        chosen.facts = {"saved": str(saved)}
        return chosen

    def _bh(self) -> Made:
        from benchmarks._paper_models import best_of, heterogeneous, post_training

        base = self.floats[best_of(self.floats, self.choices)]
        widths = heterogeneous(base, self.choices, DROP)
        models = [post_training(model, widths, self.choices.x_train[:2000]) for model in self.floats]
        told = ", ".join(f"{name} {bits}" for name, bits in widths.items())
        return self._chosen("BH", models, {"widths": told})

    def _chosen(self, name: str, models: list[Any], facts: dict[str, Any] | None = None) -> Made:
        from benchmarks._paper_models import best_of

        return Made(name, models, best_of(models, self.choices), facts or {})


def roc(scores: NDArray[Any], right: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(false, true) positive rates as the threshold falls; equal scores fall together."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    true = np.cumsum(right[order])[ends] / right.sum()
    false = np.cumsum(~right[order])[ends] / (~right).sum()
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], true])


def counted(name: str, model: Any) -> dict[str, Any]:
    """Bits and energies as the paper counts them: BF and BP at 15 bits, since nothing in them is quantized."""
    import bitwright as bw
    from bitwright.cost.qtools import INCLUDE
    from bitwright.cost.qtools.bits import network_bits, total_bits
    from bitwright.frontends.keras.facts import network_of
    from bitwright.train.paper import PAPER_MODELS, paper_model

    counted_as = {"BF": "BF", "BP": "BF"}.get(name, name)
    model = paper_model(counted_as) if counted_as in PAPER_MODELS else model
    found: dict[str, Any] = {"bits": total_bits(network_bits(network_of(model)))}
    for rules in ("2021", "latest"):
        tools: Any = bw.QTools(
            model, "horowitz", "quantized_bits(15,5,1)", True, keras_quantizer="fp16", keras_accumulator="fp16",
            rules=rules,
        )  # fmt: skip
        energies = tools.pe("fixed", "fixed", 8 * 16 * 1024 * 1024, False)
        found[f"pJ ({rules})"] = tools.extract_energy_sum(INCLUDE, energies)
    return found


def built(made: Made, paper: Paper) -> tuple[dict[str, Any], NDArray[Any]]:
    """What the hardware is, and the class probabilities that it gives for the test jets."""
    import bitwright as bw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        design = bw.compile(
            made.model, device="xcvu9p", clock_mhz=CLOCK_MHZ, input_format=INPUTS,
            output_format=OUTPUTS.get(made.name), name=made.name.lower(),
        )  # fmt: skip
    seen = design.encoders[0].sample(design.encode(paper.data.x_test[:500])[0])
    design.verify(seen, rtl=False)  # raises on the first difference
    predicted = design.estimate()
    row: dict[str, Any] = {
        "cycles": predicted.latency_cycles,
        "ns": predicted.latency_cycles * 1000 / CLOCK_MHZ,
        "II": predicted.initiation_cycles,
        "LUT": predicted.luts,
        "FF": predicted.ffs,
        "DSP": predicted.dsps,
        **_synthesized(design, predicted.luts, paper.effort.synthesis_s),
    }
    return row, design.predict(paper.data.x_test)


def _synthesized(design: Any, luts: int, timeout_s: float) -> dict[str, Any]:
    """What yosys counts, where that takes minutes and not more."""
    from bitwright.core.errors import ToolMissing, ToolTimeout

    if luts > SYNTHESIZED_LUTS or not timeout_s:
        return {"LUT yosys": "not run", "FF yosys": "not run"}
    try:
        found = design.synthesize(timeout_s=timeout_s)
    except ToolTimeout:
        return {"LUT yosys": "timeout", "FF yosys": "timeout"}
    except ToolMissing:
        return {"LUT yosys": "no yosys", "FF yosys": "no yosys"}
    return {"LUT yosys": found.luts, "FF yosys": found.ffs}


def row_of(made: Made, paper: Paper) -> tuple[dict[str, Any], NDArray[Any]]:
    """One line of the table, and the probabilities of the test jets."""
    from bitwright.train.fit import accuracy
    from bitwright.train.pruning import sparsity

    hardware, scores = built(made, paper)
    y = paper.data.y_test
    each = [100 * accuracy(model, paper.data.x_test, y) for model in made.models]
    spread = {"over seeds": f"{min(each):.2f} to {max(each):.2f}"} if len(each) > 1 else {}
    row: dict[str, Any] = {
        "model": made.name,
        "accuracy %": float(np.mean(each)),
        **spread,
        "hardware %": float(100 * (scores.argmax(-1) == y).mean()),
    }
    for index, label in enumerate(paper.data.class_names):
        false, true = roc(scores[:, index], y == index)
        row[f"AUC {label}"] = float(np.trapezoid(true, false))
    row["zeros %"] = 100 * sparsity(made.model).share
    return {**row, **counted(made.name, made.model), **hardware}, scores


def curve_of(paper: Paper) -> list[dict[str, Any]]:
    """Accuracy against one width for everything: trained so, and quantized after training in two ways."""
    from benchmarks._paper_models import TENSORS, fixed, post_training, trained, uniform
    from bitwright.train.fit import accuracy

    x, y = paper.data.x_test, paper.data.y_test
    rows: list[dict[str, Any]] = []
    for bits in paper.effort.widths:
        aware = trained(lambda bits=bits: uniform(bits), paper.choices, paper.effort.curve_epochs, 0)
        after = post_training(paper.floats[0], dict.fromkeys(TENSORS, bits), paper.choices.x_train[:2000])
        told = {
            "trained so %": aware,
            "calibrated after training %": after,
            "<width, 6> after training %": fixed(paper.floats[0], bits, 6) if bits > 6 else None,
        }
        found = {name: None if model is None else 100 * accuracy(model, x, y) for name, model in told.items()}
        rows.append({"model": f"{bits} bits everywhere", **found})
    return rows


def accuracy_chart(curve: Sequence[dict[str, Any]]) -> Chart:
    """Accuracy against width, down to 15 points below the best."""
    best = max(row[name] for row in curve for name in row if name != "model" and row[name] is not None)
    lines: list[Line] = []
    for name in [key for key in curve[0] if key != "model"]:
        points = [(float(row["model"].split()[0]), row[name]) for row in curve if (row[name] or 0) > best - 15]
        lines += [Line(name.removesuffix(" %"), points)] if points else []
    title = "Accuracy against the width of all weights and activations"
    return Chart(title, "bits", "test accuracy, %", lines, best - 15, best + 1)


def charts(curve: Sequence[dict[str, Any]], scores: dict[str, NDArray[Any]], paper: Paper) -> dict[str, str]:
    """The figures by name, as SVG."""
    found = {"accuracy": svg(accuracy_chart(curve))}
    at = np.linspace(0, 1, 101)
    for index, label in enumerate(paper.data.class_names):
        curves: list[Line] = []
        for name, values in scores.items():
            false, true = roc(values[:, index], paper.data.y_test == index)
            points = list(zip(at.tolist(), np.interp(at, false, true).tolist(), strict=True))
            curves.append(Line(f"{name}, AUC {np.trapezoid(true, false):.3f}", points, marks=False))
        chart = Chart(f"ROC of {label} jets", "false positive rate", "true positive rate", curves, 0.0, 1.0)
        found[f"roc_{label}"] = svg(chart)
    return found


def claims_of(rows: Sequence[dict[str, Any]]) -> list[Claim]:
    """The paper's numbers to the digit, what quantization costs, and what the hardware is beside the paper's."""
    by_name = {row["model"]: row for row in rows}
    claims: list[Claim] = []
    for name, (bits, then, now) in PRINTED.items():
        if name in by_name:
            row = by_name[name]
            what = f"{name}: total bits, pJ by the rules of 2021 and by the latest"
            told = f"{row['bits']}, {row['pJ (2021)']}, {row['pJ (latest)']}"
            claims.append(equal(what, told, f"{bits}, {then}, {now}"))
    baseline = by_name["BF"]
    for name, most in (("BP", 0.5), ("BH", 0.5), ("Q6", 1.0)):
        if name in by_name:
            lost = baseline["accuracy %"] - by_name[name]["accuracy %"]
            claims.append(at_most(f"{name}: points of accuracy lost to BF", lost, most))
    for name in ("BP", "BH", "Q6", "QE", "QB"):
        if name in by_name:
            ratio = baseline["LUT"] / by_name[name]["LUT"]
            claims.append(at_least(f"{name}: times fewer LUTs than BF", ratio, 1.0))
    for name, (luts, ns) in HARDWARE.items():
        if name in by_name:
            what = f"{name}: LUTs over the paper's, which has DSPs besides"
            claims.append(at_most(what, by_name[name]["LUT"] / luts, 1.0))
            claims.append(at_most(f"{name}: ns at 200 MHz", by_name[name]["ns"], ns))
    return claims


def measure(quick: bool, figures: dict[str, str]) -> Outcome:
    """All models, or three of them after an epoch on a part of the data; fills `figures`."""
    if not DATA.is_dir():
        return Outcome([], notes=[f"no data in {DATA}"])
    paper = Paper(QUICK if quick else FULL)
    rows: list[dict[str, Any]] = []
    scores: dict[str, NDArray[Any]] = {}
    notes: list[str] = []
    for name in paper.effort.models:
        made = paper.made(name)
        row, scores[name] = row_of(made, paper)
        rows.append(row)
        notes += [f"{name}: {text}." for text in made.facts.values()]
        print(f"{name} {row['accuracy %']:.2f} % {row['LUT']} LUT", file=sys.stderr, flush=True)
    curve = curve_of(paper)
    figures.update(charts(curve, scores, paper))
    notes.append(
        f"{paper.effort.epochs} epochs and seeds {', '.join(map(str, paper.effort.seeds))} for the models, "
        f"{paper.effort.curve_epochs} epochs and one seed for each width; {len(paper.choices.x_train)} training, "
        f"{len(paper.choices.x_test)} validation, {len(paper.data.x_test)} test jets; binomial error 0.16 points. "
        f"LUT and FF are predicted; yosys counts designs of up to {SYNTHESIZED_LUTS} LUT, larger ones take it "
        "too long here. Keras, graph and netlist agreed on the first 500 test jets of every model."
    )
    return Outcome([*rows, *curve], [] if quick else claims_of(rows), notes)


def run(argv: Sequence[str] | None = None) -> int:
    """The benchmark, and its figures beside the JSON file."""
    return main_with_figures(measure, __doc__, packages=PACKAGES, argv=argv)


if __name__ == "__main__":
    raise SystemExit(run())
