// Random matrices, wild shapes and number ranges included, through the adder-graph optimizers under sanitizers:
// every graph must equal its matrix, and one of sums keep within its depth. Prints the number of graphs; exits with 1 at the first difference.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <vector>

#include "adder_graph.hpp"
#include "sum_graph.hpp"

namespace {

using Values = std::vector<std::int64_t>;

struct Problem {
    int inputs, outputs;
    Values matrix, low, high;
    std::int64_t max_depth, pair_limit;
};

class Source {
  public:
    explicit Source(std::uint64_t seed) : engine_(seed) {}

    // Modulo on purpose: the standard distributions differ from library to library.
    std::int64_t between(std::int64_t low, std::int64_t high) {
        const auto span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
        const std::uint64_t drawn = span == 0 ? engine_() : engine_() % span;
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + drawn);
    }

    Problem problem() {
        Problem made{static_cast<int>(between(0, 24)), static_cast<int>(between(0, 24)), {}, {}, {}, 0, 0};
        const std::int64_t largest = std::int64_t{1} << between(0, between(0, 19) == 0 ? 62 : 12);
        const std::int64_t density = between(1, 4);
        for (int i = 0; i < made.inputs * made.outputs; ++i) {
            made.matrix.push_back(between(1, 4) <= density ? between(-largest, largest - 1) : 0);
        }
        if (between(0, 2) == 0) relate(made);
        for (int i = 0; i < made.inputs; ++i) {
            made.low.push_back(between(-300, 20));
            made.high.push_back(made.low.back() + between(0, 300));
        }
        made.max_depth = between(0, 2) == 0 ? between(0, 12) : -1;
        made.pair_limit = between(0, 3) == 0 ? between(0, 500) : std::int64_t{1} << 26;
        return made;
    }

  private:
    // Columns, or rows, that differ in few weights and by little.
    void relate(Problem& problem) {
        const bool columns = between(0, 1) == 0;
        for (int i = 0; i < problem.inputs; ++i) {
            for (int j = 0; j < problem.outputs; ++j) {
                const int first = columns ? i * problem.outputs : j;
                if (between(0, 4) > 0) problem.matrix[i * problem.outputs + j] = problem.matrix[first] / 2 + between(0, 1);
            }
        }
    }

    std::mt19937_64 engine_;
};

std::int64_t shifted(const bitwright::Term& term, const Values& values) {
    return term.sign * values.at(term.node) * (std::int64_t{1} << term.shift);
}

Values values_of(const bitwright::AdderGraph& graph, Values values) {
    for (const auto& row : graph.nodes) {
        const std::int64_t left = values.at(row.a) * (std::int64_t{1} << row.shift_a);
        values.push_back(left + row.sign * values.at(row.b) * (std::int64_t{1} << row.shift_b));
    }
    return values;
}

Values values_of(const bitwright::SumGraph& graph, Values values) {
    for (const auto& row : graph.nodes) {
        const std::int64_t third = row.addends[2].node < 0 ? 0 : shifted(row.addends[2], values);
        values.push_back(shifted(row.addends[0], values) + shifted(row.addends[1], values) + third);
    }
    return values;
}

template <class Graph>
bool equals_matrix(const Problem& problem, const Graph& graph, const Values& x) {
    const Values values = values_of(graph, x);
    for (int column = 0; column < problem.outputs; ++column) {
        std::int64_t expected = 0;
        for (int i = 0; i < problem.inputs; ++i) expected += x[i] * problem.matrix[i * problem.outputs + column];
        const auto& output = graph.outputs.at(column);
        if ((output.node < 0 ? 0 : shifted(output, values)) != expected) return false;
    }
    return true;
}

bool keeps_within(const Problem& problem, const bitwright::SumGraph& graph) {
    std::vector<int> levels(problem.inputs);
    for (const auto& row : graph.nodes) {
        int level = 0;
        for (const auto& addend : row.addends) level = addend.node < 0 ? level : std::max(level, levels.at(addend.node) + 1);
        levels.push_back(level);
    }
    return problem.max_depth < 0 || std::all_of(levels.begin(), levels.end(), [&](int level) { return level <= problem.max_depth; });
}

bool adders_hold(const Problem& problem) {
    bitwright::AdderGraph graph;
    try {
        graph = bitwright::adder_graph(problem.matrix.data(), problem.low.data(), problem.high.data(), problem.inputs,
                                       problem.outputs, problem.max_depth, problem.pair_limit);
    } catch (const std::invalid_argument&) {
        return true;
    }
    return equals_matrix(problem, graph, problem.low) && equals_matrix(problem, graph, problem.high);
}

// Every eighth problem, every sixty-fourth with a search: sanitizers slow the many small rewritings most.
bool sums_hold(const Problem& problem, std::uint64_t seed) {
    if (seed % 8 != 0) return true;
    bitwright::SearchOptions options;
    options.rounds = seed % 64 == 0 ? 1 : 0;
    options.budget_s = 1e9;
    options.seed = seed;
    bitwright::SumGraph graph;
    try {
        graph = bitwright::sum_graph(problem.matrix.data(), problem.low.data(), problem.high.data(), problem.inputs,
                                     problem.outputs, problem.max_depth, options);
    } catch (const std::invalid_argument&) {
        return true;
    }
    return equals_matrix(problem, graph, problem.low) && equals_matrix(problem, graph, problem.high) &&
           keeps_within(problem, graph);
}

}  // namespace

int main() {
    constexpr int kGraphs = 3000;
    Source source(1);
    for (int i = 0; i < kGraphs; ++i) {
        const Problem problem = source.problem();
        if (adders_hold(problem) && sums_hold(problem, static_cast<std::uint64_t>(i))) continue;
        std::printf("graph %d differs from its matrix\n", i);
        return 1;
    }
    std::printf("%d graphs\n", kGraphs);
}
