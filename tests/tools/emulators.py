"""Many emulators in one program: golden vectors go in through a file, the differing numbers are counted inside."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bitwright.backends.cpp import EmulatorFiles, emulator
from bitwright.backends.cpp.carriers import carrier
from bitwright.flow.vectors import random_codes
from bitwright.ir.graph import Graph, run
from bitwright.ir.interface import Decoder, GridEncoder

__all__ = ["STRICT", "Case", "build", "case", "differing", "doors"]

STRICT = ("-std=c++17", "-Wall", "-Wextra", "-Wconversion", "-Werror")


@dataclass(frozen=True)
class Call:
    """Arrays into an entry of the C interface, and what must come out."""

    entry: str
    given: list[np.ndarray]
    wanted: list[np.ndarray]


@dataclass(frozen=True)
class Case:
    """An emulator and its golden calls."""

    files: EmulatorFiles
    calls: list[Call]


def doors(graph: Graph) -> tuple[list[GridEncoder], list[Decoder]]:
    """Encoders and decoders that follow the graph's types."""
    encoders = [GridEncoder(i, n.type.step, n.type.low, n.type.high) for i, n in enumerate(graph.inputs)]
    return encoders, [Decoder(node.type.step) for node in graph.results]


def case(graph: Graph, name: str, samples: int = 71, seed: int = 0) -> Case:
    """`graph` with random codes and corners, and with floats on and between the codes."""
    encoders, decoders = doors(graph)
    codes = random_codes(graph, samples, seed)
    rng = np.random.default_rng(seed)
    floats = [e.sample(c) for e, c in zip(encoders, codes, strict=True)]
    for x, encoder in zip(floats, encoders, strict=True):
        x[::3] += (rng.normal(size=x[::3].shape) * encoder.step.floats()).astype(np.float32)
    recoded = run(graph, [e(x) for e, x in zip(encoders, floats, strict=True)])
    values = [d(y) for d, y in zip(decoders, recoded, strict=True)]
    sides = [[carrier(n.type).numpy for n in side] for side in (graph.inputs, graph.results)]
    typed = [
        [a.astype(kind) for a, kind in zip(arrays, kinds, strict=True)]
        for arrays, kinds in zip((codes, run(graph, codes)), sides, strict=True)
    ]
    files = emulator(graph, encoders, decoders, name=name)
    return Case(files, [Call("run", *typed), Call("predict", floats, values)])


def build(cases: Sequence[Case], folder: Path, command: Sequence[str]) -> Path:
    """One program over all cases; `command` is the compiler with its flags."""
    folder.mkdir(parents=True, exist_ok=True)
    for item in cases:
        for name, text in item.files.files.items():
            (folder / name).write_text(text)
    source, program = folder / "main.cpp", folder / "program"
    includes = "".join(f'#include "{c.files.name}_c.cpp"\n' for c in cases)
    calls = "\n".join(_check(item, call) for item in cases for call in item.calls)
    source.write_text(_PROGRAM.replace("@INCLUDES@", includes).replace("@CALLS@", calls))
    done = subprocess.run([*command, str(source), "-o", str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return program


def _check(item: Case, call: Call) -> str:
    sizes = [", ".join(str(a[0].nbytes) for a in arrays) for arrays in (call.given, call.wanted)]
    inner = "void" if call.entry == "run" else "float"
    pointers = f"reinterpret_cast<const {inner}* const*>(x), reinterpret_cast<{inner}* const*>(y)"
    given, wanted = sizes
    return (
        f'  bad += check("{item.files.name} {call.entry}", {{{given}}}, {{{wanted}}}, {len(call.given[0])}, file,\n'
        "               [](char* const* x, char* const* y, std::size_t n) {\n"
        f"    return {item.files.namespace}_{call.entry}({pointers}, n);\n  }});"
    )


def differing(cases: Sequence[Case], program: Path) -> str:
    """What the program prints: a line for every call that is wrong."""
    data = program.parent / "vectors.bin"
    arrays = (a for item in cases for call in item.calls for a in (*call.given, *call.wanted))
    data.write_bytes(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays))
    done = subprocess.run([str(program), str(data)], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr[:4000]
    return done.stdout


_PROGRAM = r"""
#define BITWRIGHT_NO_ALIAS
@INCLUDES@
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {
using Buffer = std::vector<char>;
using Sizes = std::vector<std::size_t>;

Buffer read(std::FILE* file, std::size_t bytes) {
  Buffer out(bytes + 1);
  if (std::fread(out.data(), 1, bytes, file) != bytes) std::abort();
  return out;
}

// All samples at once, then the last of them alone.
template <class Call>
int check(const char* name, Sizes in, Sizes out, std::size_t n, std::FILE* file, Call call) {
  std::vector<Buffer> given, wanted, found, one;
  for (std::size_t s : in) given.push_back(read(file, s * n));
  for (std::size_t s : out) wanted.push_back(read(file, s * n));
  std::vector<char*> x, y, last, single;
  for (std::size_t i = 0; i < in.size(); ++i) {
    x.push_back(given[i].data());
    last.push_back(given[i].data() + in[i] * (n - 1));
  }
  for (std::size_t s : out) {
    found.emplace_back(s * n + 1);
    one.emplace_back(s);
  }
  for (Buffer& b : found) y.push_back(b.data());
  for (Buffer& b : one) single.push_back(b.data());
  int bad = call(x.data(), y.data(), n) + call(last.data(), single.data(), 1);
  for (std::size_t i = 0; i < out.size(); ++i) {
    bad += std::memcmp(found[i].data(), wanted[i].data(), wanted[i].size()) != 0;
    bad += std::memcmp(one[i].data(), wanted[i].data() + out[i] * (n - 1), out[i]) != 0;
  }
  if (bad) std::printf("%s\n", name);
  return bad;
}
}  // namespace

int main(int, char** argv) {
  std::FILE* file = std::fopen(argv[1], "rb");
  int bad = 0;
@CALLS@
  std::fclose(file);
  return bad != 0;
}
"""
