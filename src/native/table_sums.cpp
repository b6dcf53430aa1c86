#include "table_sums.hpp"

#include <algorithm>

// Wider vectors where the machine has them; no fused multiply-add, so that the sums stay those of the twin.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define BITWRIGHT_CLONES __attribute__((target_clones("default", "avx2")))
#else
#define BITWRIGHT_CLONES
#endif

namespace bitwright {

BITWRIGHT_CLONES
void table_sums(const TableShape& shape, const std::uint8_t* codes, const float* tables, const float* start,
                float* sums) {
    for (std::size_t b = 0; b < shape.batch; ++b, codes += shape.inputs, sums += shape.width) {
        for (std::size_t from = 0; from < shape.width; from += kLanes) {
            float total[kLanes];
            std::copy(start + from, start + from + kLanes, total);
            for (std::size_t i = 0; i < shape.inputs; ++i) {
                const float* row = tables + (i * shape.size + codes[i]) * shape.width + from;
                for (std::size_t lane = 0; lane < kLanes; ++lane) total[lane] += row[lane];
            }
            std::copy(total, total + kLanes, sums + from);
        }
    }
}

BITWRIGHT_CLONES
void table_counts(const TableShape& shape, const std::uint8_t* codes, const float* flow, float* counted) {
    for (std::size_t b = 0; b < shape.batch; ++b, codes += shape.inputs, flow += shape.width) {
        for (std::size_t i = 0; i < shape.inputs; ++i) {
            float* row = counted + (i * shape.size + codes[i]) * shape.width;
            for (std::size_t lane = 0; lane < shape.width; ++lane) row[lane] += flow[lane];
        }
    }
}

BITWRIGHT_CLONES
void table_rises(const TableShape& shape, const std::uint8_t* codes, const float* slopes, const float* flow,
                 float* rises) {
    for (std::size_t b = 0; b < shape.batch; ++b, codes += shape.inputs, flow += shape.width) {
        for (std::size_t i = 0; i < shape.inputs; ++i) {
            const float* row = slopes + (i * shape.size + codes[i]) * shape.width;
            float total[kLanes] = {};
            for (std::size_t from = 0; from < shape.width; from += kLanes)
                for (std::size_t lane = 0; lane < kLanes; ++lane) total[lane] += row[from + lane] * flow[from + lane];
            *rises++ = ((total[0] + total[4]) + (total[1] + total[5])) + ((total[2] + total[6]) + (total[3] + total[7]));
        }
    }
}

}  // namespace bitwright
