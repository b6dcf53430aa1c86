// A linear function as nested sums of many addends, under rewriting.
//
// Every sum has a contract: the level (depth in adders of three operands) at which it is ready at the latest. A
// rewriting that keeps every sum within its own contract, its operands at theirs, keeps the whole
// within its depth, so that no change has to be propagated.
#pragma once

#include <cstdint>
#include <vector>

#include "graph.hpp"
#include "ternary.hpp"

namespace bitwright {

class Sums {
  public:
    // Ordered by (node, shift, sign), no node twice with one shift.
    using Sum = std::vector<Term>;

    Sums(const std::int64_t* low, const std::int64_t* high, int inputs);

    int inputs() const { return inputs_; }
    int size() const { return static_cast<int>(nodes_.size()); }
    bool alive(int node) const { return nodes_[node].alive; }
    bool is_root(int node) const { return nodes_[node].root; }
    int level(int node) const { return nodes_[node].level; }
    int cost(int node) const { return nodes_[node].cost; }
    const Sum& sum(int node) const { return nodes_[node].sum; }
    // The sums that have `node` among their addends, ascending.
    const std::vector<std::int32_t>& users(int node) const { return nodes_[node].users; }
    // Rises with every change; a sum's own is that of its last one.
    std::int64_t clock() const { return clock_; }
    std::int64_t version(int node) const { return nodes_[node].version; }
    std::int64_t total() const { return total_; }
    // What all that the cost of `sum` depends on was last made by; a number comes back only with what it stood for.
    std::int64_t stamp(const Sum& sum) const;
    std::int64_t stamp(int node) const { return stamps_[node]; }

    // Whether `sum` can be ready at `level`.
    bool fits(const Sum& sum, int level) const;
    // The earliest level at which `sum` can be ready.
    int earliest(const Sum& sum) const;
    // What `sum` takes, ready at `level`.
    int cost(const Sum& sum, int level, bool root) const;

    // The number that `add` would give to the next sum.
    int next() const { return free_.empty() ? size() : free_.back(); }
    // Lets `next()` be read as an operand of the value of `sum`, without adding it.
    void imagine(const Sum& sum);
    int add(const Sum& sum, int level, bool root);
    void change(int node, const Sum& sum);
    void remove(int node);
    // Gives `node` another level, for good.
    void relax(int node, int level);

    // Every change since the last `commit` can be taken back.
    void commit();
    void roll_back();

    // Appends the adders of `node`, numbered from `first_node`; `made` tells what stands for its addends.
    Term build(int node, const std::vector<Term>& made, int first_node, std::vector<TernaryRow>& rows) const;

    static void sort(Sum& sum);
    // The same for one that is ordered already.
    static void settle(Sum& sum);
    // `sum` with every addend `node` replaced by the addends of `by`.
    static Sum substituted(const Sum& sum, int node, const Sum& by);

  private:
    struct Node {
        Sum sum;
        Code code;
        std::int64_t version = 0;
        std::int32_t level = 0;
        std::int32_t cost = 0;
        bool alive = false;
        bool root = false;
        std::vector<std::int32_t> users;
    };
    struct Past {
        std::int32_t node;
        Sum sum;
        Code code;
        std::int64_t stamp;
        std::int32_t level;
        std::int32_t cost;
        bool alive;
    };

    void gather(const Sum& sum) const;
    Code code_of(const Sum& sum) const;
    void link(int node);
    void unlink(int node);
    void put(int node, Sum sum, bool alive);

    int inputs_;
    std::int64_t total_ = 0;
    std::int64_t clock_ = 0;
    std::vector<Node> nodes_;
    std::vector<std::int64_t> stamps_;
    std::vector<std::int32_t> free_;
    std::vector<Past> past_;
    mutable TernaryTree tree_;
};

}  // namespace bitwright
