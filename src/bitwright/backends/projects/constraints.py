"""Timing constraints: one clock, registers outside that stand at the pins; the same text is XDC and SDC."""

from __future__ import annotations

from bitwright.backends.projects.interface import Block, Pin, Top

__all__ = ["constraint_files", "constraints"]


def constraints(block: Block, top: Top) -> str:
    """The clock, delays at the pins, and no path from the reset's pin; only commands that XDC and SDC share."""
    clock = top.clock
    lines = [
        f"# {block.about}",
        f"# Module {top.module} at {block.clock_mhz:g} MHz.",
        f"create_clock -name {clock} -period {block.period_ns:g} [get_ports {{{clock}}}]",
        "",
        "# Registers outside are taken to stand at the pins, so that paths from and to ports are timed too.",
        "# Give them the delays of what stands there.",
    ]
    for command, direction in (("set_input_delay", "input"), ("set_output_delay", "output")):
        names = [_selected(p) for p in top.pins() if p.direction == direction and p.role not in ("clock", "reset")]
        lines.append(f"{command} -clock {clock} 0 [get_ports {{{' '.join(names)}}}]")
    if top.reset:
        lines += ["", "# The reset is held for many cycles.", f"set_false_path -from [get_ports {{{top.reset}}}]"]
    return "\n".join(lines) + "\n"


def constraint_files(block: Block) -> dict[str, str]:
    """For every top one file for Vivado (`.xdc`) and one for Quartus, Libero, Radiant and Diamond (`.sdc`)."""
    return {
        f"constraints/{top.module}.{ending}": constraints(block, top) for top in block.tops for ending in ("xdc", "sdc")
    }


def _selected(pin: Pin) -> str:
    """A pin as a pattern for `get_ports`.

    >>> _selected(Pin("x", "input", 8, "data")), _selected(Pin("go", "input", 1, "valid"))
    ('x[*]', 'go')
    """
    return pin.name if pin.bits == 1 else f"{pin.name}[*]"
