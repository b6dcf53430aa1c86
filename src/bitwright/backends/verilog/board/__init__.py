"""A network on a board: the top with pins, clock and host link around it, and the constraints that name the pins."""

from bitwright.backends.verilog.board.constraints import Constraints, constraints
from bitwright.backends.verilog.board.pll import Pll, pll_for
from bitwright.backends.verilog.board.top import BoardTop, Network, board_top

__all__ = ["BoardTop", "Constraints", "Network", "Pll", "board_top", "constraints", "pll_for"]
