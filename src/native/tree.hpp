// Sums the terms that are left of one column.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "graph.hpp"

namespace bitwright {

// Depth of the shallowest tree over `terms`: the least D with sum of 2^depth <= 2^D.
int least_depth(const Graph& graph, const std::vector<Term>& terms);

// Adds terms two at a time, the narrowest sum first, and never so that the tree must get deeper than
// `max_depth`, which must not be less than `least_depth`.
class Tree {
  public:
    Tree(Graph& graph, std::vector<Term> terms, int max_depth);

    // The root, which is negative only if every term is. Needs at least one term.
    Term build();

  private:
    struct Merge {
        int result_bits, adder_bits, depth, left, right;
        bool operator<(const Merge& other) const;
    };

    void shorten();
    void consider(int left, int right);
    void merge(int left, int right);
    bool may_negate(const Term& left, const Term& right) const;
    bool comes_before(int left, int right) const;

    Graph& graph_;
    std::vector<Term> terms_;
    std::vector<bool> open_;
    std::int64_t room_;
    int open_count_;
    int positive_count_ = 0;
    std::priority_queue<Merge> queue_;
};

}  // namespace bitwright
