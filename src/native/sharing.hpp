// Common two-term subexpressions over all columns of a matrix of signed digits.
//
// Greedy: the pattern that saves most is made a node, everywhere at once, until none occurs twice.
// How often a pattern occurs only falls once both its operands exist, so every count in the queue is an
// upper bound: it is enough to recount a pattern when it reaches the top, and to count the pairs of
// a node once, when it is made. No table of all pairs has to be kept up to date.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "counter.hpp"
#include "digits.hpp"
#include "graph.hpp"
#include "queue.hpp"

namespace bitwright {

class Sharing {
  public:
    // `weights` is row-major (inputs, columns). A column has room for terms of depth d as long as the sum
    // of 2^d stays at or below 2^max_depth: exactly then a tree of that depth can add them (Kraft).
    Sharing(Graph& graph, const std::vector<std::int64_t>& weights, int columns, int max_depth);

    // Makes nodes until no pattern occurs twice. Should more than `pair_limit` pairs of digits share a
    // column, inputs are first grouped into blocks of neighbors that share among themselves; blocks
    // are then joined, two by two, for as long as what is left of them keeps to the limit. It bounds
    // the queue (24 bytes per pattern that occurs twice) and the time of the first count.
    void run(std::int64_t pair_limit);

    // What is left of a column, ordered by (node, shift).
    std::vector<Term> remaining(int column) const;

  private:
    // The digits of one node in one column.
    struct Entry {
        std::int32_t column;
        Digits digits;
    };
    // Where a node has digits left: entries_[node][index].
    struct Open {
        std::int32_t column;
        std::int32_t index;
    };
    // Where a column finds the digits of a node: entries_[node][index].
    struct Place {
        std::int32_t node;
        std::int32_t index;
    };
    // (first << max(0, -offset)) + sign * (second << max(0, offset)) with first <= second.
    struct Pattern {
        std::int32_t first, second, offset, sign;
    };
    // One column where a pattern occurs: at 2^s for each s in `at.plus`, negated in `at.minus`.
    struct Match {
        std::int32_t first_index, second_index;
        Digits at;
    };

    static std::uint64_t pack(const Pattern& pattern);
    static Pattern unpack(std::uint64_t key);
    static std::pair<Term, Term> operands(const Pattern& pattern);

    Candidate candidate(const Pattern& pattern, int count) const;
    int find_matches(const Pattern& pattern);
    static Digits aligned(const Pattern& pattern, Digits first, Digits second);
    static Digits affordable(const Pattern& pattern, Digits found, std::int64_t price, std::int64_t room);
    Term make_node(const Pattern& pattern);
    void replace(const Pattern& pattern, const Term& node);
    void append(int node, int column, Digits digits);
    void forget_empty(const Pattern& pattern, int column);
    void close(int node, int column);
    void offer_pairs(int node, int finer_level);
    void count_pairs(const Place& other, const Entry& entry, int node);
    void drain_queue();

    int group(int node, int level) const { return block_[node] >> level; }
    std::int64_t pairs_within_groups(int level) const;

    Graph& graph_;
    std::vector<std::vector<Entry>> entries_;
    std::vector<std::vector<Open>> open_;
    std::vector<std::vector<Place>> columns_;
    std::vector<std::int64_t> room_;
    std::vector<std::int32_t> block_;
    std::vector<Match> matches_;
    int level_ = 0;
    Queue queue_;
    Counter counter_;
};

}  // namespace bitwright
