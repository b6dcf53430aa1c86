// Random matrices, wild shapes and number ranges included, through the adder-graph optimizer under sanitizers:
// every graph must equal its matrix. Prints the number of graphs; exits with 1 at the first difference.

#include <cstdint>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <vector>

#include "adder_graph.hpp"

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
        for (int i = 0; i < made.inputs; ++i) {
            made.low.push_back(between(-300, 20));
            made.high.push_back(made.low.back() + between(0, 300));
        }
        made.max_depth = between(0, 2) == 0 ? between(0, 12) : -1;
        made.pair_limit = between(0, 3) == 0 ? between(0, 500) : std::int64_t{1} << 26;
        return made;
    }

  private:
    std::mt19937_64 engine_;
};

bool equals_matrix(const Problem& problem, const bitwright::AdderGraph& graph, const Values& x) {
    Values values = x;
    for (const auto& row : graph.nodes) {
        const std::int64_t left = values.at(row.a) * (std::int64_t{1} << row.shift_a);
        values.push_back(left + row.sign * values.at(row.b) * (std::int64_t{1} << row.shift_b));
    }
    for (int column = 0; column < problem.outputs; ++column) {
        std::int64_t expected = 0;
        for (int i = 0; i < problem.inputs; ++i) expected += x[i] * problem.matrix[i * problem.outputs + column];
        const auto& output = graph.outputs.at(column);
        const std::int64_t root = output.node < 0 ? 0 : values.at(output.node);
        if (output.sign * root * (std::int64_t{1} << output.shift) != expected) return false;
    }
    return true;
}

bool holds(const Problem& problem) {
    bitwright::AdderGraph graph;
    try {
        graph = bitwright::adder_graph(problem.matrix.data(), problem.low.data(), problem.high.data(), problem.inputs,
                                       problem.outputs, problem.max_depth, problem.pair_limit);
    } catch (const std::invalid_argument&) {
        return true;
    }
    return equals_matrix(problem, graph, problem.low) && equals_matrix(problem, graph, problem.high);
}

}  // namespace

int main() {
    constexpr int kGraphs = 3000;
    Source source(1);
    for (int i = 0; i < kGraphs; ++i) {
        if (holds(source.problem())) continue;
        std::printf("graph %d differs from its matrix\n", i);
        return 1;
    }
    std::printf("%d graphs\n", kGraphs);
}
