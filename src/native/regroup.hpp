// Fewer lookup tables for the sums of an adder graph: what is shared is chosen anew for adders of three operands.
//
// An adder of three operands costs what one of two costs, so that other expressions are worth sharing than in a
// graph of two-operand adders: three addends that occur twice save as much as two that occur four times.
#pragma once

#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "digits.hpp"
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
    };
    // Where a term of a sum occurs: in `user`, shifted by an offset and with a sign (a place). The term's position is
    // the key's end.
    struct Meeting {
        std::uint64_t key;

        Meeting(int user, int offset, int sign, std::size_t term)
            : key(static_cast<std::uint64_t>(user) << 32 | static_cast<std::uint64_t>(offset + kOffset) << 17 |
                  static_cast<std::uint64_t>(sign > 0) << 16 | term) {}
        int user() const { return static_cast<int>(key >> 32); }
        int term() const { return static_cast<int>(key & 0xffff); }
        bool same_place(const Meeting& other) const { return key >> 16 == other.key >> 16; }
        bool operator<(const Meeting& other) const { return key < other.key; }

        static constexpr int kOffset = 64;
    };
    // Up to six terms of a sum, by position, that occur in `user`: a byte each, one more than the position, the first
    // on top.
    struct Shared {
        std::uint64_t terms;
        std::int32_t user;
        bool operator<(const Shared& other) const { return std::tie(terms, user) < std::tie(other.terms, other.user); }
        // How many.
        int count() const { return kMost - lowest_bit(terms) / 8; }
        // The position of one of them.
        int term(int place) const { return static_cast<int>(terms >> 8 * (kMost - 1 - place) & 0xff) - 1; }

        static constexpr int kMost = 6;
    };
    // Those of `shared_` in [begin, end) have their terms in common.
    struct Group {
        int score;
        std::size_t begin, end;
    };
    // What `user` costs with the addends of `node` in its place, as of `stamp`.
    struct Known {
        std::uint64_t pair = 0;
        std::int64_t stamp = 0;
        int cost = 0;
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
    int cost_without(int node, int user);
    int weighed_without(int node, int user) const;
    void settle_around(std::vector<std::int32_t> work);
    bool changed_since_checked(int node);
    bool share_within(int node);
    void weigh(const Sum& pattern, int existing, const std::vector<std::int32_t>& users, int within, Best& best);
    void consider_existing(int node, Best& best);
    std::vector<Pattern> patterns_of(int node);
    void meet(int node);
    void collect(std::size_t begin, std::size_t end);
    Pattern pattern_of(int node, const Group& group) const;
    void perturb(std::uint64_t& state);
    int random_sum(std::uint64_t& state) const;

    Sums& sums_;
    std::vector<std::int32_t> touched_;
    std::vector<std::int64_t> checked_;
    std::vector<Meeting> meetings_;
    std::vector<Shared> shared_;
    std::vector<Group> groups_;
    std::vector<Known> known_;
};

}  // namespace bitwright
