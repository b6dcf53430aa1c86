// Actors between streams: what the HLS code of a dataflow design is made of, for ap_int and ac_int alike.
//
// A word is Vector<T, N>, N elements of a tensor. An actor is a function template over a description D, a struct that
// the generator writes: its types, its numbers, and its netlists as functions. It takes one frame from its inputs and
// gives every word of its result to all its outputs. Loops take a step in a clock cycle, as asked for by BW_PIPELINE.
//
// D::tail(word, phase) is the last thing that happens to a word; phase is the word's number modulo D::PHASES.
// bw_vendor.h, written for the vendor, says what BW_PIPELINE, BW_UNROLL (first inside a loop), the same with _ABOVE
// (before it), BW_REGISTERS(array), BW_BANKS(array) (its first dimension apart) and BW_BEAT_SIDES(beat) stand for.
#ifndef BW_STREAM_H
#define BW_STREAM_H

#include <cstddef>

#include "bw_stored.h"
#include "bw_vendor.h"

namespace bw_stream {

template <class T, std::size_t N>
struct Vector {
  T lane[N];
};

// A beat where the vendor has none of its own.
template <class Data>
struct Beat {
  Data data;
  bool last;
};

// The same elements in another type that holds them.
template <class To, class T, std::size_t N>
inline To as(const Vector<T, N>& word) {
  To found;
  BW_UNROLL_ABOVE
  for (std::size_t i = 0; i < N; ++i) {
    BW_UNROLL
    found.lane[i] = word.lane[i];
  }
  return found;
}

// All words of a memory in another type that holds them.
template <class From, class To, std::size_t N>
inline void copy(const From (&from)[N], To (&to)[N]) {
  for (std::size_t i = 0; i < N; ++i) to[i] = as<To>(from[i]);
}

template <class To, class T>
inline To filled(const T& value) {
  To found;
  BW_UNROLL_ABOVE
  for (std::size_t i = 0; i < sizeof(found.lane) / sizeof(found.lane[0]); ++i) {
    BW_UNROLL
    found.lane[i] = value;
  }
  return found;
}

// A word to every stream.
template <class Word>
inline void give(const Word&) {}
template <class Word, class Out, class... Outs>
inline void give(const Word& word, Out& out, Outs&... more) {
  out.write(word);
  give(word, more...);
}

inline std::size_t next(std::size_t phase, std::size_t phases) { return phase + 1 == phases ? 0 : phase + 1; }

// AXI4-Stream: a beat is a word, its lanes side by side from the lowest bit up; the last beat of a frame is marked.

#ifdef BW_PACKETS  // marks are arguments of read and write
template <class D, class Port>
inline void put(Port& port, const typename D::data_t& data, bool first, bool last) {
  port.write(data, first, last);
}
template <class D, class Port>
inline typename D::data_t take(Port& port, bool& last) {
  bool first = false;
  return port.read(first, last);
}
#else
template <class D, class Port>
inline void put(Port& port, const typename D::data_t& data, bool, bool last) {
  typename D::beat_t beat;
  beat.data = data;
  beat.last = last ? 1 : 0;
  BW_BEAT_SIDES(beat)
  port.write(beat);
}
template <class D, class Port>
inline typename D::data_t take(Port& port, bool& last) {
  const typename D::beat_t beat = port.read();
  last = beat.last == 1;
  return beat.data;
}
#endif

template <class D, class Port, class... Outs>
inline void receive(Port& port, Outs&... outs) {
  bool last = false;
  BW_PIPELINE_ABOVE
  for (std::size_t i = 0; i < D::WORDS; ++i) {
    BW_PIPELINE
    give(D::unpack(take<D>(port, last)), outs...);
  }
}

template <class D, class In, class Port>
inline void send(In& in, Port& port) {
  BW_PIPELINE_ABOVE
  for (std::size_t i = 0; i < D::WORDS; ++i) {
    BW_PIPELINE
    put<D>(port, D::pack(in.read()), i == 0, i + 1 == D::WORDS);
  }
}

// A word at a time, as they come.

template <class D, class In, class... Outs>
inline void map(In& in, Outs&... outs) {
  std::size_t phase = 0;
  BW_PIPELINE_ABOVE
  for (std::size_t i = 0; i < D::WORDS; ++i) {
    BW_PIPELINE
    give(D::tail(in.read(), phase), outs...);
    phase = next(phase, D::PHASES);
  }
}

template <class D, class A, class B, class... Outs>
inline void join(A& a, B& b, Outs&... outs) {
  std::size_t phase = 0;
  BW_PIPELINE_ABOVE
  for (std::size_t i = 0; i < D::WORDS; ++i) {
    BW_PIPELINE
    const typename D::a_t left = a.read();
    const typename D::b_t right = b.read();
    give(D::tail(left, right, phase), outs...);
    phase = next(phase, D::PHASES);
  }
}

// COUNT words of one of several streams, whose turn it is.
template <class D, std::size_t COUNT, class In, class... Outs>
inline void turn(std::size_t& phase, In& in, Outs&... outs) {
  BW_PIPELINE_ABOVE
  for (std::size_t i = 0; i < COUNT; ++i) {
    BW_PIPELINE
    give(D::tail(as<typename D::x_t>(in.read()), phase), outs...);
    phase = next(phase, D::PHASES);
  }
}

// Words of IN lanes as words of OUT lanes: what is left over waits.
template <class D, class In, class... Outs>
inline void convert(In& in, Outs&... outs) {
  typename D::element_t held[D::IN + D::OUT];
  BW_REGISTERS(held)
  std::size_t count = 0, left = D::WORDS;
  BW_PIPELINE_ABOVE
  for (std::size_t i = 0; i < D::STEPS; ++i) {
    BW_PIPELINE
    if (count < D::OUT && left > 0) {
      const typename D::x_t x = in.read();
      for (std::size_t k = 0; k < D::IN; ++k) held[count + k] = x.lane[k];
      count += D::IN;
      --left;
    }
    if (count >= D::OUT) {
      typename D::y_t y;
      for (std::size_t k = 0; k < D::OUT; ++k) y.lane[k] = held[k];
      for (std::size_t k = 0; k < D::IN; ++k) held[k] = held[k + D::OUT];
      count -= D::OUT;
      give(y, outs...);
    }
  }
}

// Each word digit by digit, as COUNT words.
template <class D, class In, class... Outs>
inline void digits(In& in, Outs&... outs) {
  for (std::size_t i = 0; i < D::WORDS; ++i) {
    typename D::bits_t left[D::LANES];
    BW_REGISTERS(left)
    BW_PIPELINE_ABOVE
    for (std::size_t digit = 0; digit < D::COUNT; ++digit) {
      BW_PIPELINE
      if (digit == 0) {
        const typename D::x_t x = in.read();
        for (std::size_t k = 0; k < D::LANES; ++k) left[k] = D::natural(x.lane[k]);
      }
      typename D::y_t y;
      for (std::size_t k = 0; k < D::LANES; ++k) {
        y.lane[k] = left[k] >> ((D::COUNT - 1) * D::BITS);  // the highest digit
        left[k] = left[k] << D::BITS;
      }
      give(y, outs...);
    }
  }
}

// Of every COUNT words one: their total, step by step.
template <class D, class In, class... Outs>
inline void accumulate(In& in, Outs&... outs) {
  typename D::total_t total;
  BW_REGISTERS(total.lane)
  std::size_t phase = 0;
  for (std::size_t i = 0; i < D::WORDS; ++i) {
    BW_PIPELINE_ABOVE
    for (std::size_t n = 0; n < D::COUNT; ++n) {
      BW_PIPELINE
      total = D::advance(total, in.read(), n == 0);
      if (n + 1 == D::COUNT) {
        give(D::tail(total, phase), outs...);
        phase = next(phase, D::PHASES);
      }
    }
  }
}

// Inner products of two streams: COUNT words of each, UNITS sums at a time.
template <class D, class A, class B, class... Outs>
inline void inner(A& a, B& b, Outs&... outs) {
  typename D::total_t totals;
  BW_REGISTERS(totals.lane)
  std::size_t phase = 0;
  for (std::size_t i = 0; i < D::WORDS; ++i) {
    BW_PIPELINE_ABOVE
    for (std::size_t n = 0; n < D::COUNT; ++n) {
      BW_PIPELINE
      const typename D::x_t x = a.read();
      const typename D::w_t w = b.read();
      BW_UNROLL_ABOVE
      for (std::size_t unit = 0; unit < D::UNITS; ++unit) {
        BW_UNROLL
        const typename D::sum_t before = n == 0 ? typename D::sum_t(0) : totals.lane[unit];
        totals.lane[unit] = before + D::dot(x, w, unit);
      }
      if (n + 1 == D::COUNT) {
        give(D::tail(totals, phase), outs...);
        phase = next(phase, D::PHASES);
      }
    }
  }
}

// How many of its ascending thresholds each lane has reached: halves of them in turn.
template <class D, class In, class... Outs>
inline void search(In& in, Outs&... outs) {
  std::size_t phase = 0, row = 0;
  BW_PIPELINE_ABOVE
  for (std::size_t i = 0; i < D::WORDS; ++i) {
    BW_PIPELINE
    const typename D::x_t x = in.read();
    typename D::found_t found;
    for (std::size_t k = 0; k < D::LANES; ++k) {
      std::size_t reached = 0;
      for (std::size_t half = D::FIRST; half > 0; half /= 2) {
        if (typename D::bound_t(x.lane[k]) >= D::bound(row, k, reached + half - 1)) reached += half;
      }
      found.lane[k] = static_cast<unsigned>(reached);
    }
    row = next(row, D::ROWS);
    give(D::tail(found, phase), outs...);
    phase = next(phase, D::PHASES);
  }
}

// Each word meets the state that the word before it left; every round begins anew.
template <class D, class In, class... Outs>
inline void recur(In& in, Outs&... outs) {
  typename D::state_t state;
  BW_REGISTERS(state.lane)
  std::size_t phase = 0;
  for (std::size_t round = 0; round < D::ROUNDS; ++round) {
    D::begin(state);
    BW_PIPELINE_ABOVE
    for (std::size_t i = 0; i < D::COUNT; ++i) {
      BW_PIPELINE
      typename D::made_t made;
      D::step(in.read(), state, made);
      if (!D::LAST || i + 1 == D::COUNT) {
        give(D::tail(made, phase), outs...);
        phase = next(phase, D::PHASES);
      }
    }
  }
}

// The sum (or the maximum) of COUNT blocks of REST words.
template <class D, class In, class... Outs>
inline void reduce(In& in, Outs&... outs) {
  typename D::x_t totals[D::REST];
  std::size_t phase = 0;
  for (std::size_t block = 0; block < D::COUNT; ++block) {
    BW_PIPELINE_ABOVE
    for (std::size_t i = 0; i < D::REST; ++i) {
      BW_PIPELINE
      const typename D::x_t x = as<typename D::x_t>(in.read());
      const typename D::x_t total = block == 0 ? x : D::combine(totals[i], x);
      totals[i] = total;
      if (block + 1 == D::COUNT) {
        give(D::tail(total, phase), outs...);
        phase = next(phase, D::PHASES);
      }
    }
  }
}

// A whole kernel window at a time: lines of the grid wait, and of each line what the kernel covers.

template <class D, class In, class... Outs>
inline void window(In& in, Outs&... outs) {
  typedef typename D::x_t Word;
  const std::size_t lines_kept = (D::KERNEL_ROWS - 1) * D::DILATION_ROWS;
  const std::size_t covered = (D::KERNEL_COLUMNS - 1) * D::DILATION_COLUMNS * D::GROUPS + 1;
  Word lines[lines_kept + 1][D::WALK_COLUMNS * D::GROUPS];  // the last one is the line that is read
  BW_BANKS(lines)
  Word taps[D::KERNEL_ROWS][covered];
  BW_REGISTERS(taps)
  std::size_t phase = 0, rows_left = lines_kept;
  for (std::size_t r = 0; r < D::WALK_ROWS; ++r) {
    const bool row_ends = rows_left == 0 && r <= D::LAST_ROW;
    std::size_t columns_left = (D::KERNEL_COLUMNS - 1) * D::DILATION_COLUMNS;
    for (std::size_t c = 0; c < D::WALK_COLUMNS; ++c) {
      const bool ends = row_ends && columns_left == 0 && c <= D::LAST_COLUMN;
      BW_PIPELINE_ABOVE
      for (std::size_t g = 0; g < D::GROUPS; ++g) {
        BW_PIPELINE
        const bool inside = r >= D::TOP && r < D::TOP + D::ROWS && c >= D::LEFT && c < D::LEFT + D::COLUMNS;
        const std::size_t place = c * D::GROUPS + g;
        if (inside) {
          lines[lines_kept][place] = as<Word>(in.read());
        } else {
          lines[lines_kept][place] = filled<Word>(D::fill());
        }
        for (std::size_t k = 0; k < D::KERNEL_ROWS; ++k) {
          for (std::size_t i = 0; i + 1 < covered; ++i) taps[k][i] = taps[k][i + 1];
          taps[k][covered - 1] = lines[k * D::DILATION_ROWS][place];
        }
        for (std::size_t k = 0; k < lines_kept; ++k) lines[k][place] = lines[k + 1][place];
        if (ends) {
          typename D::taps_t found;
          for (std::size_t k = 0; k < D::KERNEL_ROWS; ++k) {
            for (std::size_t i = 0; i < D::KERNEL_COLUMNS; ++i) {
              for (std::size_t lane = 0; lane < D::LANES; ++lane) {
                found.lane[(k * D::KERNEL_COLUMNS + i) * D::LANES + lane] =
                    taps[k][i * D::DILATION_COLUMNS * D::GROUPS].lane[lane];
              }
            }
          }
          give(D::tail(found, phase), outs...);
          phase = next(phase, D::PHASES);
        }
      }
      columns_left = columns_left == 0 ? D::STRIDE_COLUMNS - 1 : columns_left - 1;
    }
    rows_left = rows_left == 0 ? D::STRIDE_ROWS - 1 : rows_left - 1;
  }
}

// How far a walk has come: LOOPS nested loops, each moving by rows, columns and words of a pixel. Loop 0 is the
// outermost.
template <class D, std::size_t USED>
struct Walk {
  std::size_t index[D::LOOPS];
  int row, column, word;

  void start() {
    for (std::size_t n = 0; n < D::LOOPS; ++n) index[n] = 0;
    row = D::START_ROW;
    column = D::START_COLUMN;
    word = D::START_WORD;
  }

  // One step: the innermost loop that is not at its end moves on, those inside it begin anew; only the USED outermost
  // loops move the place.
  void advance() {
    bool carry = true;
    for (std::size_t m = D::LOOPS; m > 0; --m) {
      const std::size_t n = m - 1;
      const bool ends = index[n] + 1 == D::extent(n);
      if (carry && n < USED) {
        const int rounds = ends ? 1 - static_cast<int>(D::extent(n)) : 1;
        row += rounds * D::row_step(n);
        column += rounds * D::column_step(n);
        word += rounds * D::word_step(n);
      }
      if (carry) index[n] = ends ? 0 : index[n] + 1;
      carry = carry && ends;
    }
  }

  bool inside() const {
    return row >= 0 && row < D::ROWS && column >= 0 && column < D::COLUMNS && word >= 0 && word < D::DEEP;
  }

  // The number of the word in the grid.
  int place() const { return (row * D::COLUMNS + column) * D::DEEP + word; }

  // How many words nothing needs any more, where the loops that count stand here.
  int released() const {
    const int line = row < 0 ? 0 : row > D::ROWS ? D::ROWS : row;
    const int across = column < 0 ? 0 : column > D::COLUMNS ? D::COLUMNS : column;
    return row < 0 ? 0 : (line * D::COLUMNS + (row < D::ROWS ? across : 0)) * D::DEEP;
  }
};

// Words in another order, from a memory that a word of the argument fills as soon as its place is free.
template <class D, class In, class... Outs>
inline void rearrange(In& in, Outs&... outs) {
  typedef typename D::x_t Word;
  Word memory[D::DEPTH];  // the whole frame, or a power of two
  const int mask = D::WHOLE ? -1 : static_cast<int>(D::DEPTH) - 1;
  Walk<D, D::LOOPS> at;
  Walk<D, D::RELEASE> freed;
  at.start();
  freed.start();
  int read = 0;
  std::size_t written = 0, phase = 0;
  BW_PIPELINE_ABOVE
  for (std::size_t i = 0; i < D::STEPS; ++i) {
    BW_PIPELINE
    const bool done = written == D::RESULTS;
    const bool room = D::WHOLE || done || read < freed.released() + static_cast<int>(D::DEPTH);
    const bool inside = at.inside();
    const bool there = !done && (!inside || at.place() < read);
    Word word = filled<Word>(D::fill());
    if (there && inside) word = memory[at.place() & mask];
    if (read < D::WORDS && room) {
      memory[read & mask] = as<Word>(in.read());
      ++read;
    }
    if (there) {
      give(D::tail(word, phase), outs...);
      phase = next(phase, D::PHASES);
      at.advance();
      freed.advance();
      ++written;
    }
  }
}

// The last step of a vector's totals: with the numbers that are written for it, where there are such.
struct Nothing {};
template <class D>
inline typename D::y_t last_step(const typename D::total_t& totals, const Nothing&, std::size_t, std::size_t phase) {
  return D::tail(totals, phase);
}
template <class D, class Constant>
inline typename D::y_t last_step(const typename D::total_t& totals, const Constant* constants, std::size_t number,
                                 std::size_t phase) {
  return D::tail(totals, constants[number], phase);
}

// Vectors times matrices: a word of inputs times UNITS outputs in a step; result n meets number n % CONSTANTS.

template <class D, class Weights, class Constants, class In, class... Outs>
inline void matrix_constants(const Weights& weights, const Constants& constants, In& in, Outs&... outs) {
  typename D::x_t vector[D::FOLDS];
  typename D::total_t totals;
  BW_REGISTERS(totals.lane)
  std::size_t phase = 0, row = 0, number = 0;
  for (std::size_t v = 0; v < D::VECTORS; ++v) {
    for (std::size_t block = 0; block < D::BLOCKS; ++block) {
      BW_PIPELINE_ABOVE
      for (std::size_t fold = 0; fold < D::FOLDS; ++fold) {
        BW_PIPELINE
        typename D::x_t x;
        if (block == 0) {
          x = in.read();
          vector[fold] = x;
        } else {
          x = vector[fold];
        }
        const typename D::w_t w = as<typename D::w_t>(weights[row]);
        BW_UNROLL_ABOVE
        for (std::size_t unit = 0; unit < D::UNITS; ++unit) {
          BW_UNROLL
          const typename D::sum_t before = fold == 0 ? typename D::sum_t(0) : totals.lane[unit];
          totals.lane[unit] = before + D::dot(x, w, unit);
        }
        row = next(row, D::ROWS);
        if (fold + 1 == D::FOLDS) {
          give(last_step<D>(totals, constants, number, phase), outs...);
          number = next(number, D::CONSTANTS);
          phase = next(phase, D::PHASES);
        }
      }
    }
  }
}

template <class D, class Weights, class In, class... Outs>
inline void matrix_vector(const Weights& weights, In& in, Outs&... outs) {
  matrix_constants<D>(weights, Nothing(), in, outs...);
}

// A recurrent layer whose sums are folded: OWN words of a row, and behind them a word that each block gave back in the
// row before, times UNITS outputs in a step. A block's totals and its state make a word of the result, the word that
// goes back, and the next state; the first row of a round finds what begin() says.
template <class D, class Weights, class In, class... Outs>
inline void cell(const Weights& weights, In& in, Outs&... outs) {
  typename D::x_t own[D::OWN];
  typename D::back_t back[2][D::BLOCKS];  // of the row before, and of this one: by turns
  typename D::state_t states[D::BLOCKS];
  typename D::total_t totals;
  BW_REGISTERS(totals.lane)
  std::size_t phase = 0;
  for (std::size_t round = 0; round < D::ROUNDS; ++round) {
    for (std::size_t block = 0; block < D::BLOCKS; ++block) D::begin(back[0][block], states[block]);
    for (std::size_t row = 0; row < D::COUNT; ++row) {
      const std::size_t before = row % 2, after = 1 - before;
      for (std::size_t block = 0; block < D::BLOCKS; ++block) {
        BW_PIPELINE_ABOVE
        for (std::size_t fold = 0; fold < D::OWN + D::BLOCKS; ++fold) {
          BW_PIPELINE
          typename D::operand_t x;
          if (fold < D::OWN) {
            if (block == 0) own[fold] = in.read();
            x = D::from_row(own[fold]);
          } else {
            x = D::from_back(back[before][fold - D::OWN]);
          }
          const typename D::w_t w = as<typename D::w_t>(weights[block * (D::OWN + D::BLOCKS) + fold]);
          BW_UNROLL_ABOVE
          for (std::size_t unit = 0; unit < D::UNITS; ++unit) {
            BW_UNROLL
            const typename D::sum_t sum = fold == 0 ? typename D::sum_t(0) : totals.lane[unit];
            totals.lane[unit] = sum + D::dot(x, w, unit);
          }
          if (fold + 1 == D::OWN + D::BLOCKS) {
            typename D::made_t made;
            D::step(totals, block, states[block], back[after][block], made);
            if (!D::LAST || row + 1 == D::COUNT) {
              give(D::tail(made, phase), outs...);
              phase = next(phase, D::PHASES);
            }
          }
        }
      }
    }
  }
}

}  // namespace bw_stream

#endif
