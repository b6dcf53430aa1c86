#include "adder_graph.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>

#include "digits.hpp"
#include "sharing.hpp"
#include "tree.hpp"

namespace bitwright {

namespace {

using Column = std::vector<std::int64_t>;
__extension__ using Wide = unsigned __int128;

constexpr int kRangeBits = 61;
constexpr int kDeepest = 60;

std::uint64_t magnitude(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    return value < 0 ? ~bits + 1 : bits;
}

// The matrix reduced to columns that differ by more than a shift and a sign.
class Columns {
  public:
    Columns(const std::int64_t* matrix, const std::int64_t* low, const std::int64_t* high, int inputs, int outputs)
        : inputs_(inputs) {
        for (int output = 0; output < outputs; ++output) {
            Column column(inputs);
            for (int input = 0; input < inputs; ++input) {
                const bool always_zero = low[input] == 0 && high[input] == 0;
                column[input] = always_zero ? 0 : matrix[static_cast<std::size_t>(input) * outputs + output];
            }
            check_range(column, low, high, output);
            // `node` is the index of a distinct column here.
            links_.push_back(link(std::move(column)));
            if (links_.back().node == count()) first_output_.push_back(output), ++count_;
        }
    }

    int count() const { return count_; }
    int first_output(int column) const { return first_output_[column]; }
    const std::vector<Term>& links() const { return links_; }

    // Row-major (inputs, count).
    std::vector<std::int64_t> weights() const {
        std::vector<std::int64_t> weights(static_cast<std::size_t>(inputs_) * count_);
        for (const auto& [column, index] : index_) {
            for (int input = 0; input < inputs_; ++input) {
                weights[static_cast<std::size_t>(input) * count_ + index] = column[input];
            }
        }
        return weights;
    }

  private:
    // Twice the magnitudes bound the sum over signed digits as well: they exceed the weight by a third at most.
    void check_range(const Column& column, const std::int64_t* low, const std::int64_t* high, int output) const {
        Wide bound = 0;
        for (int input = 0; input < inputs_; ++input) {
            const std::uint64_t largest = std::max(magnitude(low[input]), magnitude(high[input]));
            bound += 2 * static_cast<Wide>(magnitude(column[input])) * largest;
            if (bound < static_cast<Wide>(power(kRangeBits))) continue;
            throw std::invalid_argument("column " + std::to_string(output) + " may leave 61 bits");
        }
    }

    Term link(Column column) {
        std::uint64_t used = 0;
        bool any_positive = false;
        for (const std::int64_t weight : column) {
            used |= magnitude(weight);
            any_positive |= weight > 0;
        }
        if (used == 0) return {-1, 0, 1};
        const int shift = lowest_bit(used);
        const int sign = any_positive ? 1 : -1;
        for (std::int64_t& weight : column) weight = weight / power(shift) * sign;
        if (const auto known = index_.find(column); known != index_.end()) return {known->second, shift, sign};
        Column opposite(column.size());
        std::transform(column.begin(), column.end(), opposite.begin(), [](std::int64_t weight) { return -weight; });
        if (const auto known = index_.find(opposite); known != index_.end()) return {known->second, shift, -sign};
        index_.emplace(std::move(column), count_);
        return {count_, shift, sign};
    }

    int inputs_;
    int count_ = 0;
    std::map<Column, int> index_;
    std::vector<int> first_output_;
    std::vector<Term> links_;
};

int depth_limit(const Columns& columns, const std::vector<std::int64_t>& weights, std::int64_t max_depth) {
    std::vector<std::int64_t> digits(columns.count());
    for (std::size_t i = 0; i < weights.size(); ++i) digits[i % digits.size()] += bit_count(csd(weights[i]).places());
    int least = 0;
    for (int column = 0; column < columns.count(); ++column) {
        const int needed = bit_length(static_cast<std::uint64_t>(digits[column] - 1));
        if (max_depth >= 0 && needed > max_depth) {
            throw std::invalid_argument("column " + std::to_string(columns.first_output(column)) + " needs " +
                                        std::to_string(needed) + " levels of adders, max_depth allows " +
                                        std::to_string(max_depth));
        }
        least = std::max(least, needed);
    }
    return static_cast<int>(max_depth < 0 ? least + 1 : std::min<std::int64_t>(max_depth, kDeepest));
}

std::vector<Term> build_trees(Graph& graph, const Sharing& sharing, int columns) {
    int depth = 0;
    for (int column = 0; column < columns; ++column) {
        depth = std::max(depth, least_depth(graph, sharing.remaining(column)));
    }
    std::vector<Term> roots;
    for (int column = 0; column < columns; ++column) {
        const int shared = graph.size();
        roots.push_back(Tree(graph, sharing.remaining(column), depth).build());
        graph.seal(shared);
    }
    return roots;
}

}  // namespace

AdderGraph adder_graph(const std::int64_t* matrix, const std::int64_t* low, const std::int64_t* high, int inputs,
                       int outputs, std::int64_t max_depth, std::int64_t pair_limit) {
    const Columns columns(matrix, low, high, inputs, outputs);
    if (columns.count() == 0) return {{}, columns.links()};
    const std::vector<std::int64_t> weights = columns.weights();
    Graph graph(low, high, inputs);
    Sharing sharing(graph, weights, columns.count(), depth_limit(columns, weights, max_depth));
    sharing.run(pair_limit);
    const std::vector<Term> roots = build_trees(graph, sharing, columns.count());
    AdderGraph result{graph.rows(), columns.links()};
    for (Term& output : result.outputs) {
        if (output.node < 0) continue;
        const Term& root = roots[output.node];
        output = {root.node, root.shift + output.shift, root.sign * output.sign};
    }
    return result;
}

}  // namespace bitwright
