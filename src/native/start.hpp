// Where the search for shared sums begins: the matrix as a graph of nested sums.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "graph.hpp"
#include "sums.hpp"

namespace bitwright {

// `matrix` is row-major (inputs, outputs); input i lies in [low[i], high[i]].
struct Problem {
    const std::int64_t* matrix;
    const std::int64_t* low;
    const std::int64_t* high;
    int inputs;
    int outputs;
};

// Signed digits of every column, and what the codes without signs of its sums stay below.
struct Load {
    std::vector<std::int64_t> digits;
    std::vector<double> most;

    // The first column whose codes may leave the 58 bits that the optimizer has for them; -1 for none.
    int too_wide() const;
};
Load load_of(const Problem& problem);

struct Start {
    Sums sums;
    // One per column; node -1 stands for the constant zero.
    std::vector<Term> outputs;
};

// What is made of what: nothing; columns of other columns and what is left of them; or rows of other rows, whose inputs are
// added up first.
enum class Order { kPlain, kColumns, kRows };

// The graph of two-operand sums that is shared first, in sums of which none is deeper than `levels`, settled. Nothing
// for an order that leaves nearly as many digits, takes too many levels or may make codes too wide.
std::optional<Start> start(const Problem& problem, Order order, int levels);

}  // namespace bitwright
