#include "sum_graph.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include "digits.hpp"
#include "regroup.hpp"
#include "sums.hpp"

namespace bitwright {

namespace {

constexpr int kRangeBits = 58;
constexpr int kDeepest = 36;
constexpr std::int64_t kPairLimit = std::int64_t{1} << 26;

// Signed digits per column, and that no code without signs leaves 58 bits.
std::vector<std::int64_t> digits_of(const std::int64_t* matrix, const std::int64_t* low, const std::int64_t* high,
                                    int inputs, int outputs) {
    std::vector<std::int64_t> digits(outputs);
    std::vector<double> most(outputs);
    for (int input = 0; input < inputs; ++input) {
        if (low[input] == 0 && high[input] == 0) continue;
        const double code = static_cast<double>(power(std::min(width({low[input], high[input]}), 62)));
        for (int column = 0; column < outputs; ++column) {
            const Digits places = csd(matrix[static_cast<std::size_t>(input) * outputs + column]);
            digits[column] += bit_count(places.places());
            most[column] += code * static_cast<double>(places.plus + places.minus);
            if (most[column] < static_cast<double>(power(kRangeBits))) continue;
            throw std::invalid_argument("column " + std::to_string(column) + " may leave 58 bits");
        }
    }
    return digits;
}

// Levels of sums that are allowed, from the digits of the columns.
int levels_allowed(const std::vector<std::int64_t>& digits, std::int64_t max_depth) {
    int least = 0;
    for (std::size_t column = 0; column < digits.size(); ++column) {
        const int needed = ternary_level(digits[column]);
        if (max_depth >= 0 && needed > max_depth) {
            throw std::invalid_argument("column " + std::to_string(column) + " needs " + std::to_string(needed) +
                                        " levels of adders, max_depth allows " + std::to_string(max_depth));
        }
        least = std::max(least, needed);
    }
    return static_cast<int>(max_depth < 0 ? least : std::min<std::int64_t>(max_depth, kDeepest));
}

// Levels of two-operand adders that as many addends fill.
std::int64_t binary_levels(const std::vector<std::int64_t>& digits, int levels) {
    int least = 0;
    for (const std::int64_t count : digits) least = std::max(least, bit_length(static_cast<std::uint64_t>(count - (count > 0))));
    return std::max(least, bit_length(static_cast<std::uint64_t>(ternary_weight(levels))) - 1);
}

Sums sums_of(const AdderGraph& graph, const std::int64_t* low, const std::int64_t* high, int inputs) {
    std::vector<bool> root(inputs + graph.nodes.size());
    for (const Term& output : graph.outputs) {
        if (output.node >= inputs) root[output.node] = true;
    }
    Sums sums(low, high, inputs);
    for (const Graph::Row& row : graph.nodes) {
        Sums::Sum sum{{row.a, row.shift_a, 1}, {row.b, row.shift_b, row.sign}};
        Sums::sort(sum);
        sums.add(sum, sums.earliest(sum), root[sums.next()]);
    }
    sums.commit();
    return sums;
}

// Appends the adders of every sum that an output needs, addends first.
class Builder {
  public:
    explicit Builder(const Sums& sums) : sums_(sums), made_(sums.size()) {
        for (int input = 0; input < sums.inputs(); ++input) made_[input] = {input, 0, 1};
    }

    Term built(int node) {
        if (made_[node].node >= 0) return made_[node];
        for (const Term& term : sums_.sum(node)) built(term.node);
        const int first = sums_.inputs() + static_cast<int>(rows.size());
        return made_[node] = sums_.build(node, made_, first, rows);
    }

    std::vector<TernaryRow> rows;

  private:
    const Sums& sums_;
    std::vector<Term> made_;
};

// Steps of a search between two looks at the clock: fewer where a step takes longer.
std::int64_t steps_per_round(const Sums& sums) {
    return std::clamp<std::int64_t>(100000 / std::max(sums.size(), 1), 16, 400);
}

class Stopwatch {
  public:
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

  private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// One round: `starts` searches side by side, of which the best stays (the first among equals).
Sums search_round(const Sums& sums, const SearchOptions& options, std::int64_t round) {
    std::vector<Sums> found(options.starts, sums);
    std::vector<std::thread> threads;
    for (int start = 0; start < options.starts; ++start) {
        const std::uint64_t seed = (options.seed * 0x10001 + round) * 64 + start + 1;
        threads.emplace_back([&sums = found[start], seed] { Regroup(sums).search(steps_per_round(sums), seed); });
    }
    for (std::thread& thread : threads) thread.join();
    const auto less = [](const Sums& left, const Sums& right) { return left.total() < right.total(); };
    return std::move(*std::min_element(found.begin(), found.end(), less));
}

}  // namespace

SumGraph sum_graph(const std::int64_t* matrix, const std::int64_t* low, const std::int64_t* high, int inputs,
                   int outputs, std::int64_t max_depth, const SearchOptions& options) {
    const Stopwatch watch;
    const std::vector<std::int64_t> digits = digits_of(matrix, low, high, inputs, outputs);
    const int levels = levels_allowed(digits, max_depth);
    const AdderGraph start =
        adder_graph(matrix, low, high, inputs, outputs, binary_levels(digits, levels), kPairLimit);
    Sums sums = sums_of(start, low, high, inputs);
    Regroup regroup(sums);
    regroup.cut(1);
    regroup.keep_within(levels);
    regroup.settle();
    SumGraph result;
    for (; result.rounds < options.rounds && watch.seconds() < options.budget_s; ++result.rounds) {
        sums = search_round(sums, options, result.rounds);
    }
    Builder builder(sums);
    for (const Term& output : start.outputs) {
        if (output.node < 0) {
            result.outputs.push_back(output);
            continue;
        }
        const Term root = builder.built(output.node);
        result.outputs.push_back({root.node, root.shift + output.shift, root.sign * output.sign});
    }
    result.nodes = std::move(builder.rows);
    result.cost = sums.total();
    return result;
}

}  // namespace bitwright
