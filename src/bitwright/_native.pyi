import numpy as np
from numpy.typing import NDArray

def adder_graph(
    matrix: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    max_depth: int = -1,
    pair_limit: int = ...,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
