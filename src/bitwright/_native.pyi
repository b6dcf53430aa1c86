import numpy as np
from numpy.typing import NDArray

def adder_graph(
    matrix: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    max_depth: int = -1,
    pair_limit: int = ...,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...

def earliest_stages(arcs: NDArray[np.int64], tails: NDArray[np.int64], period: int) -> NDArray[np.int64]: ...
def least_registers(
    arcs: NDArray[np.int64],
    tails: NDArray[np.int64],
    holds: NDArray[np.int64],
    reads: NDArray[np.int64],
    period: int,
    stages: int,
) -> NDArray[np.int64]: ...

def sum_graph(
    matrix: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    max_depth: int,
    rounds: int,
    budget_s: float,
    seed: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], int, int]: ...

def settle(
    steps: NDArray[np.int64],
    entries: NDArray[np.int64],
    bounds: NDArray[np.int64],
    rules: NDArray[np.int64],
    latest: NDArray[np.int64],
    period: int,
    frames: int,
    most_frames: int,
    keep: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]: ...

def plan_chain(
    shifts: tuple[int, ...], signs: tuple[int, ...], constant: int, width: int, shapes: tuple[tuple[int, bool], ...]
) -> tuple[int, int, int, int, int, int, int]: ...

def table_sums(
    codes: NDArray[np.uint8], tables: NDArray[np.float32], start: NDArray[np.float32], out: NDArray[np.float32]
) -> None: ...

def table_counts(codes: NDArray[np.uint8], flow: NDArray[np.float32], out: NDArray[np.float32]) -> None: ...

def table_rises(
    codes: NDArray[np.uint8], slopes: NDArray[np.float32], flow: NDArray[np.float32], out: NDArray[np.float32]
) -> None: ...

class Interpreter:
    def __init__(
        self,
        steps: NDArray[np.int64],
        tables: NDArray[np.int64],
        numbers: NDArray[np.int64],
        entries: NDArray[np.int64],
        exits: NDArray[np.int64],
        lane_bits: int,
    ) -> None: ...
    def run(self, inputs: NDArray[np.int64], outputs: NDArray[np.int64]) -> None: ...
    @property
    def slots(self) -> int: ...
