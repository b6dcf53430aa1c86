#include "sum_graph.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "regroup.hpp"
#include "start.hpp"
#include "sums.hpp"

namespace bitwright {

namespace {

constexpr int kDeepest = 36;
// Digits of a matrix whose start is made within a fraction of a second.
constexpr std::int64_t kQuick = 1 << 13;

// Levels of sums that the deepest column needs; throws where that is more than `max_depth`.
int least_levels(const std::vector<std::int64_t>& digits, std::int64_t max_depth) {
    int least = 0;
    for (std::size_t column = 0; column < digits.size(); ++column) {
        const int needed = ternary_level(digits[column]);
        if (max_depth >= 0 && needed > max_depth) {
            throw std::invalid_argument("column " + std::to_string(column) + " needs " + std::to_string(needed) +
                                        " levels of adders, max_depth allows " + std::to_string(max_depth));
        }
        least = std::max(least, needed);
    }
    return least;
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

struct Attempt {
    Order order;
    int levels;
};

// The plain graph first. Where no depth is asked for, trees may take a level more than the least, and so may the plain
// graph of a matrix that takes little time.
std::vector<Attempt> attempts(const std::vector<std::int64_t>& digits, std::int64_t max_depth) {
    const int least = least_levels(digits, max_depth);
    if (max_depth >= 0) {
        const int levels = static_cast<int>(std::min<std::int64_t>(max_depth, kDeepest));
        return {{Order::kPlain, levels}, {Order::kColumns, levels}, {Order::kRows, levels}};
    }
    std::vector<Attempt> made{{Order::kPlain, least}, {Order::kColumns, least}, {Order::kRows, least}};
    if (least == 0 || least >= kDeepest) return made;
    if (std::accumulate(digits.begin(), digits.end(), std::int64_t{0}) <= kQuick) made.push_back({Order::kPlain, least + 1});
    made.push_back({Order::kColumns, least + 1});
    made.push_back({Order::kRows, least + 1});
    return made;
}

// The cheapest start, the first among equals, each made by one of `workers` threads; one with a level more than the first
// must save a fifth.
Start best_start(const Problem& problem, const std::vector<Attempt>& tried, int workers) {
    std::vector<std::optional<Start>> made(tried.size());
    std::vector<std::exception_ptr> failed(workers);
    std::atomic<std::size_t> waiting{0};
    std::vector<std::thread> threads;
    for (std::exception_ptr& failure : failed) {
        threads.emplace_back([&] {
            try {
                for (std::size_t i = waiting++; i < tried.size(); i = waiting++) {
                    made[i] = start(problem, tried[i].order, tried[i].levels);
                }
            } catch (...) {
                failure = std::current_exception();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& failure : failed) {
        if (failure) std::rethrow_exception(failure);
    }
    std::size_t best = 0;
    std::int64_t least = 4 * made[0]->sums.total();
    for (std::size_t i = 1; i < tried.size(); ++i) {
        if (!made[i]) continue;
        const std::int64_t cost = (tried[i].levels > tried[0].levels ? 5 : 4) * made[i]->sums.total();
        if (cost >= least) continue;
        least = cost;
        best = i;
    }
    return std::move(*made[best]);
}

}  // namespace

SumGraph sum_graph(const std::int64_t* matrix, const std::int64_t* low, const std::int64_t* high, int inputs,
                   int outputs, std::int64_t max_depth, const SearchOptions& options) {
    const Stopwatch watch;
    const Problem problem{matrix, low, high, inputs, outputs};
    const Load load = load_of(problem);
    if (const int column = load.too_wide(); column >= 0) {
        throw std::invalid_argument("column " + std::to_string(column) + " may leave 58 bits");
    }
    Start start = best_start(problem, attempts(load.digits, max_depth), options.starts);
    Sums& sums = start.sums;
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
