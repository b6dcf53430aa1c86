// A constant integer matrix times a vector as a graph of shared shift-and-add nodes.
#pragma once

#include <cstdint>
#include <vector>

#include "graph.hpp"

namespace bitwright {

struct AdderGraph {
    std::vector<Graph::Row> nodes;
    // One per column; node -1 stands for the constant zero.
    std::vector<Term> outputs;
};

// `matrix` is row-major (inputs, outputs); input i lies in [low[i], high[i]]. No output is deeper than
// `max_depth` adders; -1 allows one level more than the deepest column needs at least. For
// `pair_limit` see `Sharing::run`. Throws std::invalid_argument when the depth is too little for a column
// or when a column may leave 61 bits.
AdderGraph adder_graph(const std::int64_t* matrix, const std::int64_t* low, const std::int64_t* high, int inputs,
                       int outputs, std::int64_t max_depth, std::int64_t pair_limit);

}  // namespace bitwright
