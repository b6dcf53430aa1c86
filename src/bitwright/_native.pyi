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
