// The smallest closed set of the greatest gain, by a maximal flow; bitwright/core/twin/closure.py is the same.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace bitwright {

// The nodes of the smallest set with the greatest sum of gains that contains b for every arc (a, b) with a in it.
std::vector<std::int32_t> best_closure(const std::vector<std::int64_t>& gains,
                                       const std::vector<std::pair<std::int32_t, std::int32_t>>& arcs);

}  // namespace bitwright
