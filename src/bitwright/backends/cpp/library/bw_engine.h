// One unit that executes a network instruction after instruction: the HLS code of an engine program.
//
// The generator writes a description D: types, sizes, the program (D::instruction(n)), the numbers of the last steps
// (D::parameters(n)), and two netlists as functions. D::dot(x, w, output) is a sum of products of a word of features
// with a word of weights, D::post(total, parameter, instruction) the last thing that happens to a total. A word is
// D::LANES elements. Every step reads one word and adds LANES x LANES products.
#ifndef BW_ENGINE_H
#define BW_ENGINE_H

#include "bw_stream.h"

namespace bw_engine {

enum Kind { LOAD = 0, MATRIX = 1, VECTOR = 2, STORE = 3, FETCH = 4, SEND = 5, BRING = 6 };

// A loop: so many rounds, each further by so many words of memory, rows and columns.
struct Loop {
  int extent, address, row, column;
};

struct Instruction {
  int kind;
  int results;    // the memory that is written, or stored: 0 features, 1 results
  int half_even;  // how the last step rounds
  int shared;     // one word of weights for all steps
  int stepped;    // the last step takes how many thresholds the total reaches
  int each;       // parameters go on from pixel to pixel
  int address, pixel, line;     // the region that is written, or stored: first word, words to the next pixel and row
  int rows, columns, deep;      // its words
  int first, row, column;       // where reading begins
  int grid_rows, grid_columns;  // what is no padding
  int weights, parameters;      // first words; outside: the first word, and words from row to row
  Loop loops[6];                // row, column, block of the result; kernel row, kernel column, word: the gathered ones
};

// Walks over the words of a region.
struct Place {
  int row, column, word;
  void start() { row = column = word = 0; }
  int address(const Instruction& told) const { return told.address + row * told.line + column * told.pixel + word; }
  void advance(const Instruction& told) {
    const bool pixel_ends = word + 1 == told.deep, line_ends = pixel_ends && column + 1 == told.columns;
    word = pixel_ends ? 0 : word + 1;
    if (pixel_ends) column = line_ends ? 0 : column + 1;
    if (line_ends) ++row;
  }
};

// Walks over the six loops of an instruction.
struct Walk {
  int index[6];
  int address, row, column;

  void start(const Instruction& told) {
    for (int n = 0; n < 6; ++n) index[n] = 0;
    address = told.first;
    row = told.row;
    column = told.column;
  }
  bool inside(const Instruction& told) const {
    return row >= 0 && row < told.grid_rows && column >= 0 && column < told.grid_columns;
  }
  bool gathers_first() const { return index[3] == 0 && index[4] == 0 && index[5] == 0; }
  bool gathers_last(const Instruction& told) const {
    bool last = true;
    for (int n = 3; n < 6; ++n) last = last && index[n] + 1 == told.loops[n].extent;
    return last;
  }
  // The innermost loop that is not at its end moves on, those inside it begin anew.
  void advance(const Instruction& told) {
    bool carry = true;
    for (int m = 6; m > 0; --m) {
      const int n = m - 1;
      const bool ends = index[n] + 1 == told.loops[n].extent;
      const int rounds = !carry ? 0 : ends ? 1 - told.loops[n].extent : 1;
      address += rounds * told.loops[n].address;
      row += rounds * told.loops[n].row;
      column += rounds * told.loops[n].column;
      if (carry) index[n] = ends ? 0 : index[n] + 1;
      carry = carry && ends;
    }
  }
};

// How words come in and leave: as beats of AXI4-Stream, or between actors as words of a channel.
struct Beats {
  template <class End, class Port>
  static typename End::word_t take(Port& port) {
    bool last = false;
    return End::unpack(bw_stream::take<End>(port, last));
  }
  template <class End, class Port>
  static void put(const typename End::word_t& word, bool first, bool last, Port& port) {
    bw_stream::put<End>(port, End::pack(word), first, last);
  }
};
struct Words {
  template <class End, class Port>
  static typename End::word_t take(Port& port) {
    return bw_stream::as<typename End::word_t>(port.read());
  }
  template <class End, class... Ports>
  static void put(const typename End::word_t& word, bool, bool, Ports&... ports) {
    bw_stream::give(word, ports...);
  }
};

template <class D>
struct Machine {
  typename D::feature_t features[D::FEATURES];
  typename D::result_t results[D::RESULTS];
  typename D::weight_t weights[D::BUFFERED];

  template <class Port>
  void load(const Instruction& told, Port& port) {
    Place place;
    place.start();
    const int words = told.rows * told.columns * told.deep;
    BW_PIPELINE_ABOVE
    for (int i = 0; i < words; ++i) {
      BW_PIPELINE
      const typename D::in_t::word_t word = D::ends_t::template take<typename D::in_t>(port);
      typename D::feature_t found = bw_stream::filled<typename D::feature_t>(0);
      for (std::size_t k = 0; k < D::in_t::LANES; ++k) found.lane[k] = word.lane[k];
      features[place.address(told)] = found;
      place.advance(told);
    }
  }

  template <class... Ports>
  void store(const Instruction& told, Ports&... ports) {
    Place place;
    place.start();
    BW_PIPELINE_ABOVE
    for (std::size_t i = 0; i < D::out_t::WORDS; ++i) {
      BW_PIPELINE
      typename D::out_t::word_t word;
      const int address = place.address(told);
      for (std::size_t k = 0; k < D::out_t::LANES; ++k) {
        if (told.results == 1) {
          word.lane[k] = results[address].lane[k];
        } else {
          word.lane[k] = features[address].lane[k];
        }
      }
      D::ends_t::template put<typename D::out_t>(word, i == 0, i + 1 == D::out_t::WORDS, ports...);
      place.advance(told);
    }
  }

  template <class Outside>
  void fetch(const Instruction& told, const Outside& outside) {
    BW_PIPELINE_ABOVE
    for (int i = 0; i < told.rows; ++i) {
      BW_PIPELINE
      weights[told.address + i] = bw_stream::as<typename D::weight_t>(outside[told.weights + i]);
    }
  }

  // Rows of feature memory to the memory outside, and back: each to a place of its own there.
  template <class Maps>
  void send(const Instruction& told, Maps& maps) {
    for (int r = 0; r < told.rows; ++r) {
      Place place;
      place.start();
      BW_PIPELINE_ABOVE
      for (int i = 0; i < told.columns * told.deep; ++i) {
        BW_PIPELINE
        maps[told.weights + r * told.parameters + i] = features[place.address(told) + r * told.line];
        place.advance(told);
      }
    }
  }
  template <class Maps>
  void bring(const Instruction& told, const Maps& maps) {
    for (int r = 0; r < told.rows; ++r) {
      Place place;
      place.start();
      BW_PIPELINE_ABOVE
      for (int i = 0; i < told.columns * told.deep; ++i) {
        BW_PIPELINE
        features[place.address(told) + r * told.line] = maps[told.weights + r * told.parameters + i];
        place.advance(told);
      }
    }
  }
  void send(const Instruction&, bw_stream::Nothing&) {}
  void bring(const Instruction&, const bw_stream::Nothing&) {}

  // MATRIX or VECTOR: a word of features a step; what a result gathers goes through the last step.
  template <class Weights>
  void compute(const Instruction& told, const Weights& given) {
    Walk at;
    Place place;
    at.start(told);
    place.start();
    int steps = 1, row = told.weights, parameter = told.parameters;
    for (int n = 0; n < 6; ++n) steps *= told.loops[n].extent;
    typename D::total_t totals;
    BW_REGISTERS(totals.lane)
    BW_PIPELINE_ABOVE
    for (int i = 0; i < steps; ++i) {
      BW_PIPELINE
      const bool inside = at.inside(told), first = at.gathers_first(), last = at.gathers_last(told);
      typename D::feature_t x = bw_stream::filled<typename D::feature_t>(0);
      if (inside) x = features[at.address];
      typename D::weight_t w;
      if (told.kind == MATRIX) w = bw_stream::as<typename D::weight_t>(given[row]);
      BW_UNROLL_ABOVE
      for (std::size_t k = 0; k < D::LANES; ++k) {
        BW_UNROLL
        if (told.kind == MATRIX) {
          const typename D::sum_t before = first ? typename D::sum_t(0) : totals.lane[k];
          totals.lane[k] = before + D::dot(x, w, k);
        } else {
          const typename D::sum_t before = first ? typename D::sum_t(D::lowest()) : totals.lane[k];
          const typename D::sum_t here = inside ? typename D::sum_t(x.lane[k]) : typename D::sum_t(D::lowest());
          totals.lane[k] = here > before ? here : before;
        }
      }
      if (last) {
        typename D::result_t found;
        for (std::size_t k = 0; k < D::LANES; ++k) {
          found.lane[k] = D::post(totals.lane[k], D::parameters(parameter).lane[k], told);
        }
        if (told.results == 1) {
          results[place.address(told)] = found;
        } else {
          features[place.address(told)] = bw_stream::as<typename D::feature_t>(found);
        }
        place.advance(told);
      }
      // Weights begin anew with each pixel, parameters too but for `each`.
      const bool pixel_ends = last && at.index[2] + 1 == told.loops[2].extent;
      if (told.shared == 0) row = pixel_ends ? told.weights : row + 1;
      if (last) parameter = pixel_ends && told.each == 0 ? told.parameters : parameter + 1;
      at.advance(told);
    }
  }
};

// One frame. `weights`: a memory of the unit, or with D::OUTSIDE the memory beside the chip; `maps`: feature maps there.
template <class D, class Weights, class Maps, class In, class... Outs>
inline void run(const Weights& weights, Maps& maps, In& in, Outs&... outs) {
  static Machine<D> machine;
  for (std::size_t n = 0; n < D::INSTRUCTIONS; ++n) {
    const Instruction told = D::instruction(n);
    if (told.kind == LOAD) machine.load(told, in);
    if (told.kind == STORE) machine.store(told, outs...);
    if (told.kind == FETCH) machine.fetch(told, weights);
    if (told.kind == SEND) machine.send(told, maps);
    if (told.kind == BRING) machine.bring(told, maps);
    if (told.kind == MATRIX || told.kind == VECTOR) {
      if (D::OUTSIDE) {
        machine.compute(told, machine.weights);
      } else {
        machine.compute(told, weights);
      }
    }
  }
}

}  // namespace bw_engine

namespace bw_stream {

// Layers that one unit executes one after the other, between two channels.
template <class D, class Weights, class In, class... Outs>
inline void execute(const Weights& weights, In& in, Outs&... outs) {
  Nothing none;
  bw_engine::run<D>(weights, none, in, outs...);
}

}  // namespace bw_stream

#endif
