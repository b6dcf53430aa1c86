"""FuseSoC: a core with the design, its self-checking bench as a target, lint, and synthesis by Vivado."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bitwright.backends.projects.interface import Block, Top

__all__ = ["fusesoc"]


def fusesoc(block: Block, part: str = "") -> dict[str, str]:
    """`<name>.core` beside `rtl/`, with the targets `default` and `lint`, and `sim_<module>` for every bench.

    Simulations run under Icarus, or Verilator with `--tool verilator`.
    """
    return {f"{block.name}.core": "\n".join(_lines(block)) + "\n"}


def _lines(block: Block) -> Iterator[str]:
    yield "CAPI=2:"
    yield f"# {block.about}"
    yield f"name: bitwright:networks:{block.name}:1.0.0"
    yield f'description: "The network {block.name}, {block.architecture}"'
    yield ""
    yield "filesets:"
    for top in block.tops:
        yield from _fileset(f"rtl_{top.module}", top.sources, "verilogSource")
        if top.images:
            yield from _fileset(f"images_{top.module}", top.images, "user", copied=True)
        if top.benches:
            yield from _fileset(f"bench_{top.module}", top.benches, "verilogSource")
            yield from _fileset(f"vectors_{top.module}", top.vectors, "user", copied=True)
    yield ""
    yield "targets:"
    last = block.tops[-1]
    yield from _target("default", last, ["rtl", "images"], last.module)
    yield from _target("lint", last, ["rtl", "images"], last.module, "verilator", ["mode: lint-only"])
    for top in block.tops:
        if top.benches:
            yield from _simulation(top)


def _fileset(name: str, files: Sequence[str], kind: str, *, copied: bool = False) -> Iterator[str]:
    yield f"  {name}:"
    yield f"    file_type: {kind}"
    yield "    files:"
    for path in files:
        # Verilog reads memory contents and vectors by bare name, from where the simulation runs.
        yield f"      - {path}: {{copyto: {path.rsplit('/', 1)[-1]}}}" if copied else f"      - {path}"


def _target(
    name: str, top: Top, sets: Sequence[str], toplevel: str, tool: str = "", options: Sequence[str] = ()
) -> Iterator[str]:
    held = {"rtl": top.sources, "images": top.images, "bench": top.benches, "vectors": top.vectors}
    yield f"  {name}:"
    yield f"    filesets: [{', '.join(f'{each}_{top.module}' for each in sets if held[each])}]"
    yield f"    toplevel: {toplevel}"
    if tool:
        yield f"    default_tool: {tool}"
        yield "    tools:"
        yield f"      {tool}:"
        yield from (f"        {option}" for option in options)


def _simulation(top: Top) -> Iterator[str]:
    everything = ["rtl", "images", "bench", "vectors"]
    yield from _target(
        f"sim_{top.module}", top, everything, f"{top.module}_tb", "icarus", ['iverilog_options: ["-g2005"]']
    )
    yield "      verilator:"
    yield "        mode: binary"
    yield '        verilator_options: ["--timing", "-Wno-fatal"]'
