#include "start.hpp"

#include <algorithm>

#include "adder_graph.hpp"
#include "differences.hpp"
#include "digits.hpp"
#include "regroup.hpp"

namespace bitwright {

namespace {

constexpr int kRangeBits = 58;
constexpr std::int64_t kPairLimit = std::int64_t{1} << 26;
// Weights that a tree may look at while it grows, and the percentage of the digits that one may cost: more pays
// hardly ever.
constexpr double kMostLooks = 1 << 24;
constexpr int kMostOfColumns = 90;
constexpr int kMostOfRows = 75;

const double kWidest = static_cast<double>(power(kRangeBits));

// Sums that must be ready at a level.
using Deadlines = std::vector<std::pair<int, int>>;

// Levels of two-operand adders that as many addends fill.
std::int64_t binary_levels(const std::vector<std::int64_t>& digits, int levels) {
    int least = 0;
    for (const std::int64_t count : digits) {
        least = std::max(least, bit_length(static_cast<std::uint64_t>(count - (count > 0))));
    }
    return std::max(least, bit_length(static_cast<std::uint64_t>(ternary_weight(levels))) - 1);
}

std::vector<std::int64_t> transposed(const std::vector<std::int64_t>& matrix, int rows, int columns) {
    std::vector<std::int64_t> made(matrix.size());
    for (int i = 0; i < rows; ++i) {
        const auto* const row = matrix.data() + static_cast<std::size_t>(i) * columns;
        for (int j = 0; j < columns; ++j) made[static_cast<std::size_t>(j) * rows + i] = row[j];
    }
    return made;
}

// The weights of inputs that are not always zero.
std::vector<std::int64_t> weights_of(const Problem& problem) {
    const std::size_t size = static_cast<std::size_t>(problem.inputs) * problem.outputs;
    std::vector<std::int64_t> made(problem.matrix, problem.matrix + size);
    for (int i = 0; i < problem.inputs; ++i) {
        const auto row = made.begin() + static_cast<std::ptrdiff_t>(i) * problem.outputs;
        if (problem.low[i] == 0 && problem.high[i] == 0) std::fill(row, row + problem.outputs, 0);
    }
    return made;
}

// The tree of an order; nothing where it is no use.
std::optional<Differences> tree_of(const Problem& problem, bool columns, int levels) {
    const int inputs = problem.inputs, outputs = problem.outputs;
    if (static_cast<double>(columns ? outputs : inputs) * inputs * outputs > kMostLooks) return std::nullopt;
    const std::vector<std::int64_t> weights = weights_of(problem);
    Differences tree = columns ? column_differences(transposed(weights, inputs, outputs), outputs, inputs, levels)
                               : row_differences(weights, inputs, outputs, levels);
    if (100 * tree.cost > (columns ? kMostOfColumns : kMostOfRows) * tree.digits) return std::nullopt;
    return tree;
}

// A product whose inputs may be sums of the problem's inputs and whose columns may go into sums of columns.
class Assembly {
  public:
    Assembly(const Problem& problem, Differences* columns, Differences* rows, int levels)
        : levels_(levels),
          columns_(columns),
          rows_(rows),
          rest_(problem),
          start_{Sums(problem.low, problem.high, problem.inputs), {}} {
        if (columns_ != nullptr) weights_ = transposed(columns_->left, problem.outputs, problem.inputs);
        if (rows_ != nullptr) weights_ = std::move(rows_->left);
        if (columns_ != nullptr || rows_ != nullptr) rest_.matrix = weights_.data();
    }

    std::optional<Start> made() {
        if (rows_ != nullptr && !gather_ranges()) return std::nullopt;
        Load load = load_of(rest_);
        if (columns_ != nullptr) add_up(load);
        if (load.too_wide() >= 0) return std::nullopt;
        const AdderGraph graph = adder_graph(rest_.matrix, rest_.low, rest_.high, rest_.inputs, rest_.outputs,
                                             binary_levels(load.digits, levels_), kPairLimit);
        add(graph);
        if (columns_ != nullptr) join_columns();
        start_.sums.commit();
        Regroup regroup(start_.sums);
        regroup.cut(1);
        if (!regroup.keep_within(levels_, deadlines_)) return std::nullopt;
        regroup.settle();
        return std::move(start_);
    }

  private:
    // Ranges of the inputs' sums; false where they get too wide.
    bool gather_ranges() {
        low_.assign(rest_.low, rest_.low + rest_.inputs);
        high_.assign(rest_.high, rest_.high + rest_.inputs);
        rest_.low = low_.data();
        rest_.high = high_.data();
        for (auto at = rows_->order.rbegin(); at != rows_->order.rend(); ++at) {
            const Term& link = rows_->links[*at];
            if (link.node < 0) continue;
            const Interval range{low_[*at], high_[*at]};
            const Interval added = link.sign > 0 ? range : range.negated();
            low_[link.node] += added.low * power(link.shift);
            high_[link.node] += added.high * power(link.shift);
            if (std::max(-low_[link.node], high_[link.node]) >= power(kRangeBits)) return false;
        }
        return true;
    }

    void add_up(Load& load) const {
        for (const int column : columns_->order) {
            const Term& link = columns_->links[column];
            if (link.node >= 0) load.most[column] += static_cast<double>(power(link.shift)) * load.most[link.node];
        }
    }

    // The two-operand sums; those that are outputs stay.
    void add(const AdderGraph& graph) {
        std::vector<bool> root(rest_.inputs + graph.nodes.size());
        for (int column = 0; column < rest_.outputs; ++column) {
            const int node = graph.outputs[column].node;
            if (node >= 0 && (columns_ == nullptr || columns_->links[column].node < 0)) root[node] = true;
        }
        std::vector<std::int32_t> values = inputs(root);
        for (const Graph::Row& row : graph.nodes) {
            const Sums::Sum sum{{values[row.a], row.shift_a, 1}, {values[row.b], row.shift_b, row.sign}};
            values.push_back(appended(sum, root[values.size()]));
        }
        start_.outputs = graph.outputs;
        for (Term& output : start_.outputs) {
            if (output.node >= 0) output.node = values[output.node];
        }
    }

    // What enters the product: the inputs, or what they are added up to.
    std::vector<std::int32_t> inputs(const std::vector<bool>& root) {
        std::vector<std::int32_t> values(rest_.inputs);
        std::vector<Sums::Sum> gathered(rest_.inputs);
        for (int i = 0; i < rest_.inputs; ++i) {
            values[i] = i;
            gathered[i] = {{i, 0, 1}};
        }
        if (rows_ == nullptr) return values;
        for (auto at = rows_->order.rbegin(); at != rows_->order.rend(); ++at) {
            if (gathered[*at].size() > 1) {
                values[*at] = appended(gathered[*at], root[*at]);
                deadlines_.emplace_back(values[*at], rows_->levels[*at]);
            }
            const Term& link = rows_->links[*at];
            if (link.node >= 0) gathered[link.node].push_back({values[*at], link.shift, link.sign});
        }
        return values;
    }

    // Columns and what they are made of; no sum for one that is another one.
    void join_columns() {
        for (const int column : columns_->order) {
            const Term& link = columns_->links[column];
            Term& output = start_.outputs[column];
            if (link.node >= 0) {
                const Term& whole = start_.outputs[link.node];
                Sums::Sum sum{{whole.node, whole.shift + link.shift, whole.sign * link.sign}};
                if (output.node >= 0) sum.push_back(output);
                Sums::sort(sum);
                output = sum.size() == 1 ? sum[0] : Term{appended(sum, true), 0, 1};
            }
            if (output.node >= rest_.inputs) deadlines_.emplace_back(output.node, columns_->levels[column]);
        }
    }

    int appended(Sums::Sum sum, bool root) {
        Sums::sort(sum);
        return start_.sums.add(sum, start_.sums.earliest(sum), root);
    }

    const int levels_;
    Differences* const columns_;
    Differences* const rows_;
    std::vector<std::int64_t> weights_, low_, high_;
    Problem rest_;
    Deadlines deadlines_;
    Start start_;
};

}  // namespace

int Load::too_wide() const {
    const auto found = std::find_if(most.begin(), most.end(), [](double value) { return value >= kWidest; });
    return found == most.end() ? -1 : static_cast<int>(found - most.begin());
}

Load load_of(const Problem& problem) {
    Load load{std::vector<std::int64_t>(problem.outputs), std::vector<double>(problem.outputs)};
    for (int input = 0; input < problem.inputs; ++input) {
        const Interval range{problem.low[input], problem.high[input]};
        if (range.low == 0 && range.high == 0) continue;
        const double code = static_cast<double>(power(std::min(width(range), 62)));
        for (int column = 0; column < problem.outputs; ++column) {
            const Digits places = csd(problem.matrix[static_cast<std::size_t>(input) * problem.outputs + column]);
            load.digits[column] += bit_count(places.places());
            load.most[column] += code * static_cast<double>(places.plus + places.minus);
        }
    }
    return load;
}

std::optional<Start> start(const Problem& problem, Order order, int levels) {
    if (order == Order::kPlain) return Assembly(problem, nullptr, nullptr, levels).made();
    const bool columns = order == Order::kColumns;
    std::optional<Differences> tree = tree_of(problem, columns, levels);
    if (!tree) return std::nullopt;
    return Assembly(problem, columns ? &*tree : nullptr, columns ? nullptr : &*tree, levels).made();
}

}  // namespace bitwright
