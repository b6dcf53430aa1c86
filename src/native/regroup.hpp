// Fewer lookup tables for the sums of an adder graph: what is shared is chosen anew for adders of three operands.
//
// An adder of three operands costs what one of two costs, so that other expressions are worth sharing than in a
// graph of two-operand adders: three addends that occur twice save as much as two that occur four times.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "sums.hpp"

namespace bitwright {

class Regroup {
  public:
    explicit Regroup(Sums& sums) : sums_(sums) {}

    // Puts every sum that occurs at most `occurrences` times in place of its occurrences.
    void cut(int occurrences);
    // Dissolves what makes a sum deeper than `levels`, or than its own level in `deadlines` (sum, level): first what
    // wastes most of a tree's places. Sums that only outputs read may then take all levels. False where a sum is too deep even if
    // nothing is shared: then the sums are of no use.
    bool keep_within(int levels, const std::vector<std::pair<int, int>>& deadlines);
    // Shares and dissolves around every sum until nothing saves a bit.
    void settle();
    // Random dissolving and sharing anew, kept where it costs no more. The same `seed` takes the same steps.
    void search(std::int64_t steps, std::uint64_t seed);

  private:
    using Sum = Sums::Sum;
    struct Change {
        std::int32_t node;
        Sum sum;
    };
    struct Pattern {
        Sum sum;
        std::vector<std::int32_t> users;
        int score;
    };
    // Term `term` of a sum occurs in `user`, shifted by `offset` and times `sign`.
    struct Meeting {
        std::int32_t user, offset, sign, term;
        bool same_place(const Meeting& other) const {
            return user == other.user && offset == other.offset && sign == other.sign;
        }
        bool operator<(const Meeting& other) const {
            return std::tie(user, offset, sign, term) < std::tie(other.user, other.offset, other.sign, other.term);
        }
    };
    // Up to six terms of a sum, by position, that occur in `user`.
    struct Shared {
        std::array<std::int16_t, 6> terms;
        std::int32_t user;
        bool same_terms(const Shared& other) const { return terms == other.terms; }
        bool operator<(const Shared& other) const { return std::tie(terms, user) < std::tie(other.terms, other.user); }
        int count() const { return static_cast<int>(terms.size() - std::count(terms.begin(), terms.end(), -1)); }
    };
    struct Best {
        int saving = 0;
        int existing = -1;
        Sum pattern;
        std::vector<Change> changes;
    };

    int occurrences(int node) const;
    std::int64_t wasted(int node) const;
    bool dissolve(int node);
    void dissolve_where_cheaper(std::vector<std::int32_t> nodes);
    void settle_around(std::vector<std::int32_t> work);
    bool changed_since_checked(int node);
    bool share_within(int node);
    void weigh(const Sum& pattern, int existing, const std::vector<std::int32_t>& users, int within, Best& best);
    void consider_existing(int node, Best& best);
    std::vector<Pattern> patterns_of(int node);
    void collect(std::size_t begin, std::size_t end);
    void perturb(std::uint64_t& state);
    int random_sum(std::uint64_t& state) const;

    Sums& sums_;
    std::vector<std::int32_t> touched_;
    std::vector<std::int64_t> checked_;
    std::vector<Meeting> meetings_;
    std::vector<Shared> shared_;
};

}  // namespace bitwright
