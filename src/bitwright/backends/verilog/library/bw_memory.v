// A memory with one place to write and one to read; the word read is in a register, a cycle later.
//
// WIDTH  bits of a word
// WORDS  2 or more
// BLOCK  0: distributed memory, 1: block memory, 2: UltraRAM
// FILL   the word that a read with `blank` gives, whatever is stored
//
// `blank` comes first, so that it becomes the reset of the output register rather than a multiplexer.
//
// Timing: `read` in cycle t -> `word` in t + 1, held until the next read. A place must not be read in the cycle in
// which it is written: what comes then differs between memories. Contents are undefined before they are written.

`default_nettype none

module bw_memory #(
    parameter WIDTH = 8,
    parameter WORDS = 2,
    parameter BLOCK = 0,
    parameter [WIDTH-1:0] FILL = 0,
    parameter BITS = $clog2(WORDS)
) (
    input  wire             clk,
    input  wire             write,
    input  wire [BITS-1:0]  write_place,
    input  wire [WIDTH-1:0] data,
    input  wire             read,
    input  wire             blank,
    input  wire [BITS-1:0]  read_place,
    output reg  [WIDTH-1:0] word
);

    generate
        if (BLOCK == 0) begin : g_distributed
            (* ram_style = "distributed" *)
            reg [WIDTH-1:0] memory [0:WORDS-1];
            always @(posedge clk) if (write) memory[write_place] <= data;
            always @(posedge clk) begin
                if (read & blank) word <= FILL;
                else if (read) word <= memory[read_place];
            end
        end else if (BLOCK == 1) begin : g_block
            (* ram_style = "block", no_rw_check *)
            reg [WIDTH-1:0] memory [0:WORDS-1];
            always @(posedge clk) if (write) memory[write_place] <= data;
            always @(posedge clk) begin
                if (read & blank) word <= FILL;
                else if (read) word <= memory[read_place];
            end
        end else begin : g_ultra
            (* ram_style = "ultra", no_rw_check *)
            reg [WIDTH-1:0] memory [0:WORDS-1];
            always @(posedge clk) if (write) memory[write_place] <= data;
            always @(posedge clk) begin
                if (read & blank) word <= FILL;
                else if (read) word <= memory[read_place];
            end
        end
    endgenerate

endmodule

`default_nettype wire
