"""`Build`: a build in stages, each of which leaves its result in a folder, to be taken up where it was left.

A stage's record names a key and every file that belongs to it with its hash. The key is the hash of the stage's own
options, of this version of bitwright (its sources, and the tool that the stage runs), and of what the stages before it
left: so a changed model, option or version makes new keys from the stage on that it touches. A record counts where its
key is the one asked for and all its files are as they were; a stage that is redone loses its record first and gets it
back last, so that a build can be killed at any time. What it left before and does not leave any more is removed.

Where something has to be made, the model is read again: that is quick beside what follows, and has to give the graph
that was recorded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import bitwright
from bitwright.core.errors import ConfigError, Mismatch
from bitwright.core.files import inside, sha256, write_atomic
from bitwright.core.progress import Progress, Silent
from bitwright.flow.designing import designed, planned
from bitwright.flow.hls import Hls
from bitwright.flow.importing import Built, graphs_of, imported
from bitwright.flow.options import Options
from bitwright.flow.streamed import StreamDesign

__all__ = ["STAGES", "Build", "Stage", "build_file", "stage_table"]

STAGES = ("import", "graph", "explore", "place", "buffer", "rtl", "verify", "synthesize")
"""In order: the model as integers, the graph that is built, foldings and architecture, actors (or the unrolled network,
or instructions), channels (or registers), Verilog and all that `write` writes, the certificate, what yosys counts."""
_OPTIONS = {
    "graph": {"argmax_only"},
    "explore": {
        "device", "clock_mhz", "architecture", "initiation_cycles", "target_fps", "folding", "engine_lanes",
        "engine_memory", "segment",
    },
    "place": {"effort", "budget_s", "max_depth", "dsps"},
    "buffer": {"latency_cycles", "balance"},
    "rtl": {"valid", "seed"},
}  # fmt: skip
"""Which options a stage depends on for the first time; all others belong to the first one."""
_RECORDS = "stages"


@dataclass(frozen=True, slots=True)
class Stage:
    """What became of a stage: its key, whether its result was kept or made, the files that belong to it."""

    name: str
    key: str
    made: bool
    files: tuple[str, ...]


@dataclass
class Build:
    """A build of `model` (a path, or a Keras model) in `folder`, from whatever is there.

    from_stage: made anew from this one on, whatever is there. to_stage: the last one ("rtl" unless told). projects,
    hls: as `Design.write` takes them. `run` goes through the stages; `design` is the design as they left it. Raises
    `ConfigError` for stages there are not.
    """

    model: Any
    options: Options
    folder: Path
    from_stage: str | None = None
    to_stage: str | None = "rtl"
    projects: tuple[str, ...] = ()
    hls: Hls | str = ""
    progress: Progress = field(default_factory=Silent)
    stages: list[Stage] = field(default_factory=list[Stage])

    def __post_init__(self) -> None:
        for name in (self.from_stage, self.to_stage):
            if name is not None and name not in STAGES:
                raise ConfigError(f"stage {name!r}", where="build", remedy=f"one of {', '.join(STAGES)}")

    def run(self) -> Build:
        """Every stage up to the last one, kept where it can be; itself."""
        last = STAGES.index(self.to_stage or "rtl")
        forced = STAGES.index(self.from_stage) if self.from_stage else len(STAGES)
        self.stages.clear()
        before = ""
        for number, name in enumerate(STAGES[: last + 1]):
            key = self._key(name, before)
            record = None if number >= forced else self._kept(name, key)
            made = record is None
            if record is None:
                record = self._make(name, key)
            before = sha256(json.dumps([key, record["files"]], sort_keys=True))
            self.stages.append(Stage(name, key, made, tuple(record["files"])))
        return self

    @cached_property
    def built(self) -> Built:
        """The model read, and its graph. Raises `Mismatch` where that is not the graph which a kept stage left."""
        from bitwright.ir.graph import show

        made = graphs_of(imported(self.model, self.options), self.options)
        left = self._read("graph") if any(stage.name == "graph" for stage in self.stages) else {}
        if left and left["files"][f"{_RECORDS}/graph.txt"] != sha256(show(made.graph)):
            raise Mismatch(
                "the model reads otherwise than before", where=str(self.folder),
                why="its file and options are the same", remedy='build again with from_stage="import"',
            )  # fmt: skip
        return made

    @cached_property
    def design(self) -> Any:
        """The design, with what the stages left in place of computing it again."""
        known = {stage.name for stage in self.stages}
        if "explore" not in known:
            return designed(self.built, self.options)
        told = json.loads(self._text("explore.json"))
        design = _design_of(self.built, self.options, told)
        for stage in ("place", "buffer"):
            if stage in known:
                _take(design, stage, self._text(f"{stage}.txt"))
        if "place" in known:
            design.search_rounds = tuple((layer, n) for layer, n in json.loads(self._text("rounds.json")))
        return design

    def _key(self, name: str, before: str) -> str:
        """Of what the stage depends on."""
        record = self.options.to_dict()
        first = set(record).difference(*_OPTIONS.values())
        own: dict[str, Any] = {
            key: record[key] for key in sorted(first if name == "import" else _OPTIONS.get(name, set()))
        }
        given = _content(self.model) if name == "import" else [self.projects, self.hls] if name == "rtl" else ""
        return sha256(json.dumps([name, own, given, before, _version(name)], sort_keys=True, default=str))

    def _record(self, name: str) -> Path:
        return inside(self.folder, f"{_RECORDS}/{STAGES.index(name) + 1}_{name}.json")

    def _text(self, file: str) -> str:
        return inside(self.folder, f"{_RECORDS}/{file}").read_text(encoding="utf-8")

    def _read(self, name: str) -> dict[str, Any]:
        """A stage's record, empty where there is none that can be read."""
        try:
            found: Any = json.loads(self._record(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and isinstance(found.get("files"), dict) else {}

    def _kept(self, name: str, key: str) -> dict[str, Any] | None:
        """The stage's record if it is that of `key` and all its files are as they were."""
        record = self._read(name)
        if record.get("key") != key or not record.get("files"):
            return None
        return record if all(self._same(file, digest) for file, digest in record["files"].items()) else None

    def _same(self, file: str, digest: str) -> bool:
        try:
            return sha256(inside(self.folder, file).read_bytes()) == digest
        except OSError:
            return False

    def _make(self, name: str, key: str) -> dict[str, Any]:
        """Run a stage: its record goes first and comes last."""
        self.progress.step(f"stage {name}")
        before = self._read(name).get("files", {})
        self._record(name).unlink(missing_ok=True)
        files = {file: write_atomic(inside(self.folder, file), text) for file, text in self._results(name).items()}
        found = {file: sha256(path.read_bytes()) for file, path in files.items()}
        if name == "rtl":
            found |= {file: sha256(inside(self.folder, file).read_bytes()) for file in self._written()}
        for file in set(before) - set(found) - self._others(name):
            inside(self.folder, file).unlink(missing_ok=True)
        record = {"stage": name, "key": key, "files": dict(sorted(found.items()))}
        write_atomic(self._record(name), json.dumps(record, indent=1, sort_keys=True) + "\n")
        self.progress.done()
        return record

    def _others(self, name: str) -> set[str]:
        """Files that belong to other stages."""
        return {file for other in STAGES if other != name for file in self._read(other).get("files", {})}

    def _results(self, name: str) -> dict[str, str]:
        """What a stage leaves under the folder, beside what `write` writes."""
        if name == "rtl":
            return {}
        if name in ("import", "graph"):
            from bitwright.ir.graph import show

            graph = self.built.read.reading.graph if name == "import" else self.built.graph
            return {f"{_RECORDS}/{name}.txt": show(graph)}
        if name == "explore":
            return {f"{_RECORDS}/explore.json": json.dumps(_explored(self.design), indent=1) + "\n"}
        if name in ("place", "buffer"):
            texts = {f"{_RECORDS}/{name}.txt": _shown(self.design, name)}
            rounds = json.dumps(self.design.search_rounds) + "\n"
            return texts if name == "buffer" else texts | {f"{_RECORDS}/rounds.json": rounds}
        if name == "verify":
            return {"reports/certificate.json": self.design.verify(progress=self.progress).to_json()}
        found = asdict(self.design.synthesize(progress=self.progress))
        # How long it took, and in which folder, differs from run to run.
        for varying in ("seconds", "script"):
            found.pop(varying)
        return {"reports/synthesis.json": json.dumps(found, indent=1, sort_keys=True, default=str) + "\n"}

    def _written(self) -> list[str]:
        """All that `write` writes: its manifest tells."""
        self.design.write(self.folder, projects=self.projects, hls=self.hls)
        manifest = json.loads(inside(self.folder, "manifest.json").read_text(encoding="utf-8"))
        return ["manifest.json", *manifest["files"]]


def _design_of(built: Built, asked: Options, told: Mapping[str, Any]) -> Any:
    """The design that the stage "explore" chose; what it does not choose is as asked for now."""
    from bitwright.explore import foldings_from_json, plan_from_record

    options = Options.of(asked.to_dict() | told["options"])
    plan = None if told["plan"] is None else plan_from_record(told["plan"])
    design = planned(built, options, plan)
    if isinstance(design, StreamDesign) and told["foldings"] is not None:
        design.foldings = foldings_from_json(json.dumps(told["foldings"]))
    return design


def _explored(design: Any) -> dict[str, Any]:
    """What was chosen: the options of this stage in effect, the plan, the foldings."""
    from bitwright.explore import foldings_to_json, plan_record
    from bitwright.flow.mixing import MixedDesign

    plan = plan_record(design.plan) if isinstance(design, MixedDesign) else None
    foldings = json.loads(foldings_to_json(design.foldings)) if isinstance(design, StreamDesign) else None
    options = {name: value for name, value in design.options.to_dict().items() if name in _OPTIONS["explore"]}
    return {"options": options, "plan": plan, "foldings": foldings}


def _kind(design: Any) -> str:
    if isinstance(design, StreamDesign):
        return "streams"
    return "engine" if design.options.architecture == "engine" else "netlist"


_HELD = {"streams": ("placed", "program"), "engine": ("program", "program"), "netlist": ("combinational", "netlist")}
"""Which of a design's values stages 4 and 5 leave."""


def _level(kind: str) -> Any:
    from bitwright.ir import dataflow, engine, netlist

    return {"streams": dataflow, "engine": engine, "netlist": netlist}[kind]


def _shown(design: Any, stage: str) -> str:
    kind = _kind(design)
    return _level(kind).show(getattr(design, _HELD[kind][stage == "buffer"]))


def _take(design: Any, stage: str, text: str) -> None:
    """What a stage left, in place of computing it."""
    kind = _kind(design)
    setattr(design, _HELD[kind][stage == "buffer"], _level(kind).parse(text))


def _content(model: Any) -> str:
    """A hash of all that a model is: the file and what lies beside it under its name, or structure and weights."""
    if isinstance(model, str | Path):
        path = Path(model)
        if not path.is_file():
            raise ConfigError(f"no file {path}", where="build", remedy="name the file of a model")
        beside = sorted(other for other in path.parent.glob(f"{path.stem}.*") if other.is_file())
        return sha256("".join(f"{other.name} {sha256(other.read_bytes())}\n" for other in beside))
    if not (hasattr(model, "to_json") and hasattr(model, "get_weights")):
        raise ConfigError("stages of this model", where="build", remedy="give its file, or a Keras model")
    parts = [sha256(model.to_json()), *(f"{w.shape} {sha256(w.tobytes())}" for w in model.get_weights())]
    return sha256("\n".join(parts))


@cache
def _sources() -> str:
    """A hash of bitwright's own files: the version while it is being worked on."""
    root = Path(bitwright.__file__).parent
    kept = sorted(p for p in root.rglob("*") if p.suffix in (".py", ".v", ".h", ".toml", ".so", ".jinja"))
    return sha256("".join(f"{p.relative_to(root)} {sha256(p.read_bytes())}\n" for p in kept))


def _version(stage: str) -> str:
    """Of bitwright, and of the tool that the stage runs."""
    from bitwright.toolchain import survey

    tools = {"verify": "verilator", "synthesize": "yosys"}
    found = [t.version for t in survey() if t.name == tools[stage]] if stage in tools else []
    return " ".join([bitwright.__version__, _sources(), *found])


def build_file(
    model: Path, told: Mapping[str, Any], folder: Path, from_stage: str | None, to_stage: str | None,
    projects: Sequence[str], progress: Progress, hls: Hls | str = "",
) -> str:  # fmt: skip
    """A build in stages from a file and plain options; what became of the stages, as text."""
    last = to_stage or "rtl"
    made = Build(model, Options.of(told), folder, from_stage, last, tuple(projects), hls, progress).run()
    return stage_table(made.stages)


def stage_table(stages: list[Stage]) -> str:
    """A line a stage: what became of it, its key, how many files it has."""
    lines = [f"{'stage':<12} {'':<6} {'key':<14} files"]
    for stage in stages:
        lines.append(f"{stage.name:<12} {'made' if stage.made else 'kept':<6} {stage.key[:12]:<14} {len(stage.files)}")
    return "\n".join(lines)
