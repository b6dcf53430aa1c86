// A constant integer matrix times a vector as a graph of shared sums of up to three shifted addends.
#pragma once

#include <cstdint>
#include <vector>

#include "adder_graph.hpp"
#include "ternary.hpp"

namespace bitwright {

struct SumGraph {
    std::vector<TernaryRow> nodes;
    // One per column; node -1 stands for the constant zero.
    std::vector<Term> outputs;
    // Rounds of the search that were done, and what the sums cost, in quarters of a lookup table.
    std::int64_t rounds = 0;
    std::int64_t cost = 0;
};

// How long to search: at most `rounds` rounds of `starts` searches side by side from the best graph so far, and no
// round that begins after `budget_s`. The result depends on the rounds that were done, not on the time they took.
struct SearchOptions {
    std::int64_t rounds = 0;
    double budget_s = 0;
    std::uint64_t seed = 0;
    int starts = 2;
};

// `matrix` is row-major (inputs, outputs); input i lies in [low[i], high[i]]. No output is deeper than `max_depth` sums;
// -1 allows the levels that the deepest column needs at least, and one more where that saves a fifth. Throws
// std::invalid_argument when the depth is too little for a column or when a column may leave 58 bits.
SumGraph sum_graph(const std::int64_t* matrix, const std::int64_t* low, const std::int64_t* high, int inputs,
                   int outputs, std::int64_t max_depth, const SearchOptions& options);

}  // namespace bitwright
