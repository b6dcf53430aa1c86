// Numbers that go with words: word n of a stream meets word n % WORDS of a memory that can be written.
//
// WIDTH  bits of a word of numbers
// WORDS  how many there are
// FILE   what $readmemh reads, word 0 first
//
// `word` is what the word that `go` marks in the same cycle meets. It is read a cycle ahead: what is written shows from
// the second cycle behind the write on.

`default_nettype none

module bw_constants #(
    parameter WIDTH = 8,
    parameter WORDS = 2,
    parameter FILE = "",
    parameter BITS = WORDS > 1 ? $clog2(WORDS) : 1
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             go,
    input  wire             write,
    input  wire [BITS-1:0]  place,
    input  wire [WIDTH-1:0] data,
    output wire [WIDTH-1:0] word
);

    wire [BITS-1:0] next;

    generate
        if (WORDS == 1) begin : g_one
            assign next = 1'b0;
            wire unused = &{1'b0, rst, go};
        end else begin : g_count
            localparam [31:0] LAST = WORDS - 1;
            reg [BITS-1:0] number;
            wire wraps = number == LAST[BITS-1:0];
            wire [BITS-1:0] after = wraps ? {BITS{1'b0}} : number + 1'b1;
            assign next = rst ? {BITS{1'b0}} : go ? after : number;
            always @(posedge clk) number <= next;
        end
    endgenerate

    bw_store #(.WIDTH(WIDTH), .WORDS(WORDS), .BLOCK(0), .FILE(FILE)) store (
        .clk(clk), .write(write), .place(place), .data(data), .index(next), .word(word)
    );

endmodule

`default_nettype wire
