#include "bw_network.h"

#include <string.h>

/* AXI DMA (PG021), without scatter and gather: the way to memory lies 0x30 above the way from it. */
enum { DMA_TO_NETWORK = 0x00, DMA_FROM_NETWORK = 0x30 };
enum { DMA_CONTROL = 0x00, DMA_STATUS = 0x04, DMA_ADDRESS = 0x18, DMA_ADDRESS_HIGH = 0x1C, DMA_LENGTH = 0x28 };
#define DMA_RUN 0x00000001u
#define DMA_IDLE 0x00000002u
#define DMA_ERRORS 0x00000070u
#define DMA_LONGEST 0x03FFFFFFu

enum { REGISTER_MAGIC = 0, REGISTER_BUILD = 8, REGISTER_FRAMES = 12 };
enum { REGISTER_BASE = 16, REGISTER_BASE_HIGH = 20, REGISTER_RUN = 24, REGISTER_FAULT = 28 };
#define PAGE 4096u

static uint32_t mapped_read(void *context, uintptr_t address) {
  (void)context;
  return *(volatile uint32_t *)address;
}

static void mapped_write(void *context, uintptr_t address, uint32_t value) {
  (void)context;
  *(volatile uint32_t *)address = value;
}

const bw_port bw_mapped = {mapped_read, mapped_write, NULL, NULL, NULL};

static uint32_t get(const bw_network *network, uintptr_t address) {
  return network->port->read(network->port->context, address);
}

static void put(const bw_network *network, uintptr_t address, uint32_t value) {
  network->port->write(network->port->context, address, value);
}

bw_status bw_check(const bw_network *network) {
  if (network->control == 0) return BW_OK;
  if (get(network, network->control + REGISTER_MAGIC) != BW_MAGIC) return BW_NOT_THERE;
  return get(network, network->control + REGISTER_BUILD) == network->build ? BW_OK : BW_OTHER_BUILD;
}

uint32_t bw_frames(const bw_network *network) {
  return network->control == 0 ? 0 : get(network, network->control + REGISTER_FRAMES);
}

bw_status bw_write_word(const bw_network *network, const bw_memory *memory, uint32_t number, const uint32_t *parts) {
  const uint32_t count = (memory->bits + 31) / 32, above = memory->bits % 32;
  uint32_t part;
  if (network->control == 0) return BW_NOT_THERE;
  if (number >= memory->words || (above != 0 && parts[count - 1] >> above != 0)) return BW_BAD_VALUE;
  /* The last piece writes the whole word. */
  for (part = 0; part < count; ++part)
    put(network, network->control + memory->offset + (uintptr_t)number * memory->stride + 4 * part, parts[part]);
  return BW_OK;
}

bw_status bw_reload(const bw_network *network, const bw_memory *memory, const uint32_t *parts, size_t count) {
  const uint32_t pieces = (memory->bits + 31) / 32;
  uint32_t number;
  if (count != (size_t)memory->words * pieces) return BW_BAD_VALUE;
  for (number = 0; number < memory->words; ++number) {
    const bw_status status = bw_write_word(network, memory, number, parts + (size_t)number * pieces);
    if (status != BW_OK) return status;
  }
  return BW_OK;
}

bw_status bw_begin(const bw_network *network, uint8_t *memory, size_t room, const uint8_t *image, size_t bytes) {
  const uint64_t base = (uint64_t)(uintptr_t)memory;
  const bw_status status = network->control == 0 ? BW_NOT_THERE : bw_check(network);
  if (status != BW_OK) return status;
  if (base % PAGE != 0 || bytes > room) return BW_BAD_VALUE;
  memcpy(memory, image, bytes);
  if (network->port->before != NULL) network->port->before(network->port->context, memory, room);
  put(network, network->control + REGISTER_RUN, 0);
  put(network, network->control + REGISTER_BASE, (uint32_t)base);
  put(network, network->control + REGISTER_BASE_HIGH, (uint32_t)(base >> 32));
  put(network, network->control + REGISTER_RUN, 1);
  return BW_OK;
}

bw_status bw_memory_status(const bw_network *network) {
  return get(network, network->control + REGISTER_FAULT) == 0 ? BW_OK : BW_MEMORY_ERROR;
}

static int fits(int64_t code, const bw_run *run) {
  const int64_t half = (int64_t)1 << (run->bits - 1);
  return run->is_signed ? code >= -half && code < half : code >= 0 && code < 2 * half;
}

static void set_bits(uint8_t *word, uint32_t low, uint32_t bits, uint64_t code) {
  uint32_t bit;
  for (bit = 0; bit < bits; ++bit)
    if (code >> bit & 1) word[(low + bit) / 8] |= (uint8_t)(1u << (low + bit) % 8);
}

static int64_t get_bits(const uint8_t *word, uint32_t low, const bw_run *run) {
  uint64_t code = 0;
  uint32_t bit;
  for (bit = 0; bit < run->bits; ++bit)
    code |= (uint64_t)(word[(low + bit) / 8] >> (low + bit) % 8 & 1) << bit;
  if (run->is_signed && code >> (run->bits - 1) & 1) return (int64_t)code - ((int64_t)1 << (run->bits - 1)) * 2;
  return (int64_t)code;
}

bw_status bw_pack(const bw_stream *stream, const int64_t *codes, size_t frames, uint8_t *words) {
  size_t beat;
  uint32_t run, lane;
  memset(words, 0, frames * stream->beats * stream->beat_bytes);
  for (beat = 0; beat < frames * stream->beats; ++beat)
    for (run = 0; run < stream->run_count; ++run)
      for (lane = 0; lane < stream->runs[run].count; ++lane) {
        const bw_run *told = &stream->runs[run];
        const int64_t code = codes[beat * stream->lanes + told->first + lane];
        if (!fits(code, told)) return BW_BAD_VALUE;
        set_bits(words + beat * stream->beat_bytes, told->low_bit + lane * told->bits, told->bits, (uint64_t)code);
      }
  return BW_OK;
}

void bw_unpack(const bw_stream *stream, const uint8_t *words, size_t frames, int64_t *codes) {
  size_t beat;
  uint32_t run, lane;
  for (beat = 0; beat < frames * stream->beats; ++beat)
    for (run = 0; run < stream->run_count; ++run)
      for (lane = 0; lane < stream->runs[run].count; ++lane) {
        const bw_run *told = &stream->runs[run];
        codes[beat * stream->lanes + told->first + lane] =
            get_bits(words + beat * stream->beat_bytes, told->low_bit + lane * told->bits, told);
      }
}

static void start(const bw_network *network, uintptr_t way, const void *data, size_t bytes) {
  const uint64_t address = (uint64_t)(uintptr_t)data;
  const uintptr_t base = network->dma + way;
  put(network, base + DMA_CONTROL, DMA_RUN);
  put(network, base + DMA_ADDRESS, (uint32_t)address);
  put(network, base + DMA_ADDRESS_HIGH, (uint32_t)(address >> 32));
  put(network, base + DMA_LENGTH, (uint32_t)bytes); /* this starts it */
}

/* Both ways at once: where one has failed the other may wait forever. */
static bw_status wait(const bw_network *network, uint32_t patience) {
  while (patience-- > 0) {
    const uint32_t in = get(network, network->dma + DMA_TO_NETWORK + DMA_STATUS);
    const uint32_t out = get(network, network->dma + DMA_FROM_NETWORK + DMA_STATUS);
    if ((in | out) & DMA_ERRORS) return BW_DMA_ERROR;
    if (in & out & DMA_IDLE) return BW_OK;
  }
  return BW_TIMEOUT;
}

bw_status bw_run_frames(const bw_network *network, const uint8_t *in, uint8_t *out, size_t frames, uint32_t patience) {
  const bw_port *port = network->port;
  const size_t in_bytes = frames * network->input->beats * network->input->beat_bytes;
  const size_t out_bytes = frames * network->output->beats * network->output->beat_bytes;
  bw_status status;
  if (frames == 0 || in_bytes > DMA_LONGEST || out_bytes > DMA_LONGEST) return BW_BAD_VALUE;
  if (port->before != NULL) {
    port->before(port->context, in, in_bytes);
    port->before(port->context, out, out_bytes);
  }
  start(network, DMA_FROM_NETWORK, out, out_bytes);
  start(network, DMA_TO_NETWORK, in, in_bytes);
  status = wait(network, patience);
  if (status == BW_OK && port->after != NULL) port->after(port->context, out, out_bytes);
  return status;
}

bw_status bw_self_test(const bw_network *network, const uint8_t *in, const uint8_t *golden, size_t frames,
                       uint8_t *scratch, uint32_t patience, size_t *wrong) {
  const size_t words = frames * network->output->beats, size = network->output->beat_bytes;
  size_t word;
  bw_status status = bw_check(network);
  if (status == BW_OK) status = bw_run_frames(network, in, scratch, frames, patience);
  if (status != BW_OK) return status;
  for (word = 0; word < words; ++word)
    if (memcmp(scratch + word * size, golden + word * size, size) != 0) {
      if (wrong != NULL) *wrong = word;
      return BW_WRONG_ANSWER;
    }
  return BW_OK;
}
