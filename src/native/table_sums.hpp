// Sums of looked-up rows and their gradients: the inner loops of training table neurons.
//
// Rows are padded to multiples of kLanes floats. Every sum has one order, that of bitwright/core/twin/table_sums.py.

#pragma once

#include <cstddef>
#include <cstdint>

namespace bitwright {

constexpr std::size_t kLanes = 8;

struct TableShape {
    std::size_t batch, inputs, size, width;
};

// sums[b] = start + sum over i of tables[i][codes[b][i]].
void table_sums(const TableShape& shape, const std::uint8_t* codes, const float* tables, const float* start,
                float* sums);

// counted[i][codes[b][i]] += flow[b], samples in their order; `counted` begins with zeros.
void table_counts(const TableShape& shape, const std::uint8_t* codes, const float* flow, float* counted);

// rises[b][i] = slopes[i][codes[b][i]] . flow[b]: kLanes sums, then halves of them together.
void table_rises(const TableShape& shape, const std::uint8_t* codes, const float* slopes, const float* flow,
                 float* rises);

}  // namespace bitwright
