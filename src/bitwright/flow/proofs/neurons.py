"""`prove`: neurons of the emitted Verilog proved equal to the graph, for every input, by a SAT solver.

A neuron is one element of a map's or an output's tensor. Its reference is plain behavioral Verilog from the
graph; its hardware is the modules of the design's own Verilog that compute it, flip-flops taken as
wires. Both start from the last quantized numbers before it, which are assumed equal and within the
ranges that the graph proves: proofs of a layer rest on those of the layers before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bitwright.backends.verilog.behavior import Behavior, Element, behavioral
from bitwright.core.errors import Mismatch, StorageError
from bitwright.core.files import inside
from bitwright.core.progress import Progress
from bitwright.flow.compiled import Compiled
from bitwright.flow.proofs.cones import Cone, Hardware, candidate_text, given_cells
from bitwright.flow.proofs.parts import Parts, parts
from bitwright.flow.verification import certify
from bitwright.flow.writing import emit
from bitwright.ir.certificate import Certificate, NeuronProof
from bitwright.toolchain import Ports
from bitwright.toolchain.find import find_yosys
from bitwright.toolchain.prove import Miter, Proof, Verdict, alike, prove_all

__all__ = ["prove", "prove_design"]


def prove_design(
    design: Compiled, neurons: int | Sequence[tuple[str, int]], *, seed: int | None, timeout_s: float,
    folder: Path | None, progress: Progress,
) -> Certificate:  # fmt: skip
    """The design's certificate with a proof per neuron of the sample; see `Design.prove`."""
    found = prove(design, neurons, seed=seed, timeout_s=timeout_s, folder=folder, progress=progress)
    wrong = next((row for row in found if row.verdict == Verdict.REFUTED.value), None)
    if wrong is not None:
        raise Mismatch(
            f"neuron {wrong.element}: {wrong.why}", where=f"{design.name}, layer '{wrong.layer}'",
            remedy="write the files again; if it stays, report it as a bug",
        )  # fmt: skip
    return replace(design.certificate or certify(design, ()), neurons=found)


def prove(
    design: Compiled, neurons: int | Sequence[tuple[str, int]] = 8, *, seed: int | None = None,
    timeout_s: float = 10.0, folder: Path | None = None, progress: Progress,
) -> tuple[NeuronProof, ...]:  # fmt: skip
    """A verdict per neuron of the sample, refuted ones too; see `Design.prove`."""
    stalls = folder is not None and inside(folder, f"rtl/{design.name}_core.v").exists()
    hardware = Hardware.of(design, stalls)
    chosen = hardware.chosen(neurons, design.options.seed if seed is None else seed)
    jobs = [_Job.of(hardware, element, number) for number, element in enumerate(chosen)]
    progress.step(f"prove {len(jobs)} neurons")
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        sources = _written(design, hardware, jobs, folder, Path(scratch))
        found = _by_parts(sources, jobs, Path(scratch), timeout_s)
        rest = [place for place in range(len(jobs)) if place not in found]
        miters = [jobs[place].miter for place in rest]
        whole = prove_all(sources, miters, workdir=Path(scratch), timeout_s=timeout_s) if rest else []
        found |= {place: proofs[0] for place, proofs in zip(rest, whole, strict=True)}
    rows = tuple(job.result(found[place]) for place, job in enumerate(jobs))
    progress.done(f"{sum(row.verdict == Verdict.PROVED.value for row in rows)} of {len(rows)} proved")
    return rows


def _by_parts(sources: list[Path], jobs: Sequence[_Job], scratch: Path, timeout_s: float) -> dict[int, Proof]:
    """The jobs that are proved in two halves, by their place; the others say nothing yet."""
    halves = {place: job.parts for place, job in enumerate(jobs) if job.parts is not None}
    good = [
        place for place, half in halves.items()
        if alike(sources, half.model, half.sums, workdir=scratch, timeout_s=timeout_s)
    ]  # fmt: skip
    behind = {place: half.miter for place in good if (half := halves[place]).miter is not None}
    proofs = prove_all(sources, list(behind.values()), workdir=scratch, timeout_s=timeout_s) if behind else []
    judged = dict(zip(behind, (proof[0] for proof in proofs), strict=True))
    tool = find_yosys()
    plain = Proof("y", Verdict.PROVED, timeout_s, tool.name, tool.version)
    found = {place: judged.get(place, plain) for place in good}
    return {place: proof for place, proof in found.items() if proof.verdict is Verdict.PROVED}


def _written(
    design: Compiled, hardware: Hardware, jobs: Sequence[_Job], folder: Path | None, scratch: Path
) -> list[Path]:
    """The modules that the jobs need, of `folder` or as emitted now, and the two sides of each job."""
    cells = folder is not None and inside(folder, "rtl/bw_sum.v").exists()
    emitted = emit(design, axis=hardware.stalls, primitives=cells)
    needed = {hardware.layers[number].module.name for job in jobs for number in job.modules}
    texts = {f"{Path(n).stem}.v": emitted.files[n] for n in emitted.sources if Path(n).stem in needed or "/bw_" in n}
    if folder is not None:
        texts = {name: _read(folder, f"rtl/{name}") for name in texts}
    for job in jobs:
        texts |= {f"{job.miter.reference}.v": job.reference.text, f"{job.miter.candidate}.v": job.candidate}
        if job.parts is not None:
            texts |= {f"{name}.v": text for name, text in job.parts.texts.items()}
    for name, text in texts.items():
        (scratch / name).write_text(text)
    return [scratch / name for name in texts]


def _read(folder: Path, name: str) -> str:
    try:
        return inside(folder, name).read_text()
    except OSError as error:
        remedy = "name the folder that `write` made"
        raise StorageError(f"{name} cannot be read", where=str(folder), why=str(error), remedy=remedy) from error


@dataclass(frozen=True)
class _Job:
    """One neuron: the module from the graph, the module around the emitted ones, and what is compared."""

    hardware: Hardware
    element: Element
    names: Mapping[str, Element]
    reference: Behavior
    candidate: str
    modules: tuple[int, ...]
    miter: Miter
    parts: Parts | None

    @classmethod
    def of(cls, hardware: Hardware, element: Element, number: int) -> _Job:
        """The job of `element`; `number` makes its modules' names its own."""
        graph, word = hardware.design.graph, hardware.words[element]
        cone = Cone(hardware, element[0])
        cone.add(word)
        given = given_cells(hardware, cone)
        tops = f"bitwright_reference_{number}", f"bitwright_candidate_{number}"
        cuts = [given[elements[0]] for elements in cone.cuts.values()]
        least = hardware.modules.netlist.nodes[word].type.width + 1
        reference = behavioral(graph, tops[0], given, {"y": element}, always=cuts, least=least)
        sides = ((c.name, c.width) for c in reference.inputs), ((c.name, c.width) for c in reference.outputs)
        ports = Ports(tuple(sides[0]), tuple(sides[1]), clock="")
        ranges = {cell.name: (cell.range.low, cell.range.high) for cell in reference.inputs}
        names = {cell.name: e for e, cell in given.items()}
        sources = {w: given[elements[0]].name for w, elements in cone.cuts.items()}
        candidate = candidate_text(tops[1], hardware, cone.modules, sources, word, reference)
        miter = Miter(*tops, ports, ranges)
        return cls(
            hardware, element, names, reference, candidate, tuple(cone.modules), miter,
            parts(hardware, element, cone, given, number),
        )  # fmt: skip

    def result(self, proof: Proof) -> NeuronProof:
        """The proof in the words of the model."""
        layer = self.hardware.design.graph.nodes[self.element[0]].origin.layer
        why = self._counterexample(proof) if proof.verdict is Verdict.REFUTED else ""
        tool = f"{proof.tool} {proof.version}"
        return NeuronProof(layer, self.element[1], proof.verdict.value, proof.limit_s, tool, why)

    def _counterexample(self, proof: Proof) -> str:
        nodes = self.hardware.design.graph.nodes
        widths = dict(self.miter.ports.inputs)
        given: list[str] = []
        for name, bits in proof.inputs.items():
            node, index = self.names[name]
            given.append(f"{nodes[node].origin.layer}[{index}] = {_signed(bits, widths[name])}")
        width = self.miter.ports.outputs[0][1]
        graph, verilog = (_signed(bits or 0, width) for bits in (proof.reference, proof.candidate))
        return f"graph {graph}, Verilog {verilog} at {', '.join(given)}"


def _signed(bits: int, width: int) -> int:
    return bits - (bits >> (width - 1) << width)


