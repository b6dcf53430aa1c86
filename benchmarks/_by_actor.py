"""A streaming design through yosys actor by actor: what one run over all of it would take hours for.

Every actor is a top of its own with just the files below it, modules equal within it mapped once (`-noflatten`); the
channels and both ends are the design's own top around actors that are black boxes. Actors with equal files are mapped
once for all designs. The sum is what the whole takes but for logic that could be shared across the borders, of which
handshakes leave little.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks._parts import part
from bitwright.backends.verilog.stream import StreamEmitted, emit_stream
from bitwright.core.files import write_atomic
from bitwright.ir.dataflow import Dataflow
from bitwright.toolchain import FAMILIES, Counts, Synthesis, synthesize

__all__ = ["ByActor", "Parts"]

_PLACED = re.compile(r"^ *(\w+) (?:#\(|\w+ ?\()", re.MULTILINE)
_READ = re.compile(r'"(\w+\.(?:hex|mem))"')
_HEAD = re.compile(r"^module \w+.*?^ *\);", re.MULTILINE | re.DOTALL)
WHOLE = "channels and ends"
TOOLS = ("src/bitwright/toolchain", "benchmarks/_by_actor.py")
"""What a count depends on beside the files; BENCH_PARTS keeps it (`_parts`)."""


@dataclass(frozen=True)
class Parts:
    """What each actor takes, and the channels with both ends under `WHOLE`."""

    counts: Mapping[str, Synthesis]

    @property
    def total(self) -> Counts:
        """All parts together."""
        cells: dict[str, int] = {}
        for found in self.counts.values():
            for kind, count in found.cells.items():
                cells[kind] = cells.get(kind, 0) + count
        return FAMILIES[next(iter(self.counts.values())).family].counts(cells)


@dataclass
class ByActor:
    """Maps designs to `family`, at most `timeout_s` an actor; remembers what it has seen."""

    family: str
    folder: Path
    timeout_s: float = 7200
    seen: dict[str, Synthesis] = field(default_factory=dict[str, Synthesis])

    def __call__(self, program: Dataflow) -> Parts:
        """All parts of `program`, which has its channels."""
        emitted = emit_stream(program, primitives=True)
        texts = {Path(path).stem: emitted.files[path] for path in emitted.sources}
        images = {Path(path).name: emitted.files[path] for path in emitted.images}
        actors = [name for name in _placed(texts[emitted.top], texts) if not name.startswith("bw_")]
        found: dict[str, Synthesis] = {}
        for name in actors:
            below = _below(name, texts)
            read = sorted({image for n in below for image in _READ.findall(texts[n])})
            found[name] = self._mapped(name, {n: texts[n] for n in below}, {i: images[i] for i in read})
        found[WHOLE] = self._around(emitted, texts, actors)
        return Parts(found)

    def _around(self, emitted: StreamEmitted, texts: Mapping[str, str], actors: list[str]) -> Synthesis:
        """The top, its actors replaced by empty boxes."""
        heads = {name: _HEAD.search(texts[name]) for name in actors}
        boxes = {name: f"(* blackbox *)\n{head[0]}\nendmodule\n" for name, head in heads.items() if head}
        below = _below(emitted.top, {**texts, **boxes})
        return self._mapped(emitted.top, {name: boxes.get(name, texts[name]) for name in below}, {})

    def _mapped(self, top: str, texts: Mapping[str, str], images: Mapping[str, str]) -> Synthesis:
        key = hashlib.sha256("\0".join([*texts.values(), *images.values()]).replace(top, "top").encode()).hexdigest()
        if key not in self.seen:
            place = self.folder / key[:16]
            files = {**{f"{name}.v": text for name, text in texts.items()}, **images}

            def counted() -> list[dict[str, Any]]:
                for name, text in files.items():
                    write_atomic(place / name, text)
                sources = [place / name for name in files]
                told = {"workdir": place, "family": self.family, "timeout_s": self.timeout_s, "flatten": False}
                return [{**asdict(synthesize(sources, top, **told)), "per_module": {}}]

            (told,) = part(f"{self.family} {top} {key[:16]}", counted, TOOLS)
            self.seen[key] = Synthesis(**told)
        return self.seen[key]


def _placed(text: str, texts: Mapping[str, str]) -> list[str]:
    """The modules that `text` places, each once."""
    return [name for name in dict.fromkeys(_PLACED.findall(text)) if name in texts]


def _below(top: str, texts: Mapping[str, str]) -> list[str]:
    """`top` and all modules below it."""
    found = [top]
    for name in found:
        found += [n for n in _placed(texts[name], texts) if n not in found]
    return found
