// Stages of words with the fewest flip-flops; bitwright/core/twin/pipeline.py is the same.
#pragma once

#include <cstdint>
#include <vector>

namespace bitwright {

struct Arc {
    std::int32_t from, to;
    std::int64_t fresh, through;
};

struct Hold {
    std::int32_t word;
    std::int64_t bits;
};

struct Read {
    std::int32_t hold, reader;
};

std::vector<std::int64_t> earliest_stages(const std::vector<Arc>& arcs, const std::vector<std::int64_t>& tails,
                                          std::int64_t period);

// Throws std::invalid_argument where `stages` are too few.
std::vector<std::int64_t> least_registers(const std::vector<Arc>& arcs, const std::vector<std::int64_t>& tails,
                                          const std::vector<Hold>& holds, const std::vector<Read>& reads,
                                          std::int64_t period, std::int64_t stages);

}  // namespace bitwright
