// A matrix whose lines are other lines and little more: what is left of each once the other one is taken away.
//
// A spanning tree over the lines (rows or columns) and an empty one, its root, that grows by the cheapest line (R. C.
// Prim, 1957). What a line costs is the signed digits that are left of it, and one for the line that it is made of.
#pragma once

#include <cstdint>
#include <vector>

#include "graph.hpp"

namespace bitwright {

struct Differences {
    // The line that line i contains, with shift and sign; -1 for none.
    std::vector<Term> links;
    // All lines, each behind the one that it contains.
    std::vector<std::int32_t> order;
    // Sums of up to three operands, one behind the other, in which a column becomes whole or a row's input is added up.
    std::vector<std::int32_t> levels;
    // What is left, as many lines of as many weights.
    std::vector<std::int64_t> left;
    // Digits of all lines, and what the tree costs in their place.
    std::int64_t digits = 0;
    std::int64_t cost = 0;
};

// Of `lines`, row-major (count, length), the columns of a matrix: column i is its link's column and what is left, in at
// most `levels` sums.
Differences column_differences(const std::vector<std::int64_t>& lines, int count, int length, int levels);

// Of `lines`, the rows of a matrix: row i times input i is gone once its link's input has input i added; then no
// column needs more than `levels` sums.
Differences row_differences(const std::vector<std::int64_t>& lines, int count, int length, int levels);

}  // namespace bitwright
