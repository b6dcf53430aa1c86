// Weight memory of an engine with external memory: written slice by slice, read word by word.
//
// WIDTH  bits of a word
// DATA   bits of a slice, the lowest first; the last one may be narrower
// WORDS  2 or more
// BLOCK  0: distributed memory, 1: block memory
//
// Timing: `index` in cycle t -> `word` in t + 1. A place must not be read in the cycle in which it is written.

`default_nettype none

module bw_engine_weights #(
    parameter WIDTH = 256,
    parameter DATA = 64,
    parameter WORDS = 2,
    parameter BLOCK = 0,
    parameter SLICES = (WIDTH + DATA - 1) / DATA,
    parameter BITS = $clog2(WORDS)
) (
    input  wire              clk,
    input  wire [SLICES-1:0] write,
    input  wire [BITS-1:0]   write_place,
    input  wire [DATA-1:0]   data,
    input  wire [BITS-1:0]   index,
    output wire [WIDTH-1:0]  word
);

    genvar i;
    generate
        for (i = 0; i < SLICES; i = i + 1) begin : g_slice
            localparam OWN = i == SLICES - 1 ? WIDTH - i * DATA : DATA;
            bw_memory #(.WIDTH(OWN), .WORDS(WORDS), .BLOCK(BLOCK)) u_memory (
                .clk(clk), .write(write[i]), .write_place(write_place), .data(data[OWN-1:0]),
                .read(1'b1), .blank(1'b0), .read_place(index), .word(word[i*DATA+:OWN])
            );
        end
        if (WIDTH < DATA) begin : g_narrow
            wire unused = &{1'b0, data[DATA-1:WIDTH]};
        end
    endgenerate

endmodule

`default_nettype wire
