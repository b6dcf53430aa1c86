/* A network that bitwright wrote, from a processor beside it: control over AXI4-Lite, frames through AXI DMA.
 *
 * C99, no allocation, no operating system. The hardware is that of the block design (project pynq); what is
 * specific to one network stands in design.h. Registers are reached through functions, so that the same code runs
 * on the board (bw_mapped), through a debugger, and against a model of the hardware. */
#ifndef BW_NETWORK_H
#define BW_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#define BW_MAGIC 0x42575254u

typedef enum {
  BW_OK = 0,
  BW_NOT_THERE = 1,    /* nothing of bitwright answers */
  BW_OTHER_BUILD = 2,  /* the bitstream is not that of design.h */
  BW_BAD_VALUE = 3,    /* a number does not fit into its bits, or there is no such word */
  BW_TIMEOUT = 4,      /* a transfer did not end */
  BW_DMA_ERROR = 5,    /* the engine reports an error */
  BW_WRONG_ANSWER = 6, /* a golden frame came back otherwise */
  BW_MEMORY_ERROR = 7  /* memory has answered the network with an error */
} bw_status;

/* How registers are read and written; `before` and `after` a transfer see to caches (NULL: there are none). */
typedef struct {
  uint32_t (*read)(void *context, uintptr_t address);
  void (*write)(void *context, uintptr_t address, uint32_t value);
  void (*before)(void *context, const void *data, size_t bytes);
  void (*after)(void *context, void *data, size_t bytes);
  void *context;
} bw_port;

/* Registers in the processor's own address space. */
extern const bw_port bw_mapped;

/* `count` equal lanes from lane `first` on, side by side from bit `low_bit` of a word up. */
typedef struct {
  uint32_t first, count, low_bit, bits, is_signed;
} bw_run;

/* A stream: words of `beat_bytes` in memory, `beats` a frame; `lanes` elements a word, in `runs`. */
typedef struct {
  const char *name;
  uint32_t beat_bytes, beats, lanes, run_count;
  const bw_run *runs;
} bw_stream;

/* A memory that can be written: words of `bits` from `offset` on, `stride` bytes apart. */
typedef struct {
  const char *name;
  uint32_t offset, words, bits, stride;
} bw_memory;

/* The network: its control (base 0: it has none), one DMA engine (base), and one stream each way. */
typedef struct {
  const bw_port *port;
  uintptr_t control, dma;
  uint32_t build;
  const bw_stream *input, *output;
} bw_network;

/* Is the bitstream there, and is it the one of design.h? Without control there is nothing to ask. */
bw_status bw_check(const bw_network *network);

/* Frames that left since reset. */
uint32_t bw_frames(const bw_network *network);

/* Writes one word of a memory: `parts` holds it in 32-bit pieces, the lowest first. */
bw_status bw_write_word(const bw_network *network, const bw_memory *memory, uint32_t number, const uint32_t *parts);

/* Writes a whole memory: (bits + 31) / 32 pieces a word, word after word. */
bw_status bw_reload(const bw_network *network, const bw_memory *memory, const uint32_t *parts, size_t count);

/* For networks whose weights lie in memory: `image` goes to `memory` (`room` bytes, at a multiple of 4096, where nothing
 * else may write), its address to the network, which runs from then on. The second tells
 * whether memory has answered with an error. */
bw_status bw_begin(const bw_network *network, uint8_t *memory, size_t room, const uint8_t *image, size_t bytes);
bw_status bw_memory_status(const bw_network *network);

/* Codes of whole frames (C order) as words in memory, and back; a code that does not fit is refused. */
bw_status bw_pack(const bw_stream *stream, const int64_t *codes, size_t frames, uint8_t *words);
void bw_unpack(const bw_stream *stream, const uint8_t *words, size_t frames, int64_t *codes);

/* Sends frames as words and waits for the answer; `patience` is how often the engine is asked. */
bw_status bw_run_frames(const bw_network *network, const uint8_t *in, uint8_t *out, size_t frames, uint32_t patience);

/* The golden frames through the hardware; `scratch` has room for the answer. `wrong` (may be NULL) is the first
 * word that differs. */
bw_status bw_self_test(const bw_network *network, const uint8_t *in, const uint8_t *golden, size_t frames,
                       uint8_t *scratch, uint32_t patience, size_t *wrong);

#endif
