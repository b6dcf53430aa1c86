"""Which modules of a design a simulator compiles once."""

from __future__ import annotations

from bitwright.toolchain.repeated import repeated_modules

LEAF = "module leaf(input wire clk, input wire d, output reg q);\n  always @(posedge clk) q <= d;\nendmodule\n"


def placing(name: str, part: str, copies: int, head: str = "") -> str:
    inside = "\n".join(f"  {part} u{k} (.clk(clk), .d(d), .q(q[{k}]));" for k in range(copies))
    return f"module {name} {head}(input wire clk, input wire d, output wire [7:0] q);\n{inside}\nendmodule\n"


def found(*texts: str, saved: int = 1) -> tuple[str, ...]:
    return repeated_modules({f"{k}.v": text.encode() for k, text in enumerate(texts)}, "top", saved)


def test_a_module_placed_twice_is_found() -> None:
    assert found(LEAF, placing("top", "leaf", 2)) == ("leaf",)
    assert found(LEAF, placing("top", "leaf", 1)) == ()


def test_what_copies_would_save_must_be_worth_it() -> None:
    size = len(LEAF) - len("module leaf\nendmodule\n") + 1
    assert found(LEAF, placing("top", "leaf", 4), saved=3 * size - 3) == ("leaf",)
    assert found(LEAF, placing("top", "leaf", 4), saved=3 * len(LEAF)) == ()


def test_the_outermost_module_is_taken_with_all_inside_it() -> None:
    assert found(LEAF, placing("middle", "leaf", 3), placing("top", "middle", 2)) == ("middle",)
    assert found(LEAF, placing("middle", "leaf", 3), placing("top", "middle", 1)) == ("leaf",)


def test_modules_with_parameters_images_or_no_clock_stay_inside() -> None:
    top = placing("top", "leaf", 2)
    assert found(LEAF.replace("leaf(", "leaf #(parameter N = 1) ("), top) == ()
    assert found(LEAF.replace("endmodule", '  initial $readmemh("x.hex", m);\nendmodule'), top) == ()
    assert found("module leaf(input wire d, output wire q);\n  assign q = d;\nendmodule\n", top) == ()


def test_a_module_around_one_that_reads_a_file_gives_way_to_what_is_inside() -> None:
    reading = placing("middle", "leaf", 2).replace("endmodule", '  initial $readmemh("x.hex", m);\nendmodule')
    assert found(LEAF, reading, placing("top", "middle", 2)) == ("leaf",)
