// The plainest front of an actor: every step reads a word and writes one.
//
// A step fires as soon as a word is there and the result has a free place. For two arguments put the heads side by
// side, their valids together, and pop both.
//
// Timing: step in cycle t -> x, go in t + 1.

`default_nettype none

module bw_words #(
    parameter WIDTH = 8
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             in_valid,
    input  wire [WIDTH-1:0] in_head,
    output wire             in_pop,
    input  wire             out_ready,
    output wire             out_take,
    output reg  [WIDTH-1:0] x,
    output reg              go
);

    wire fire = in_valid & out_ready;
    assign in_pop = fire;
    assign out_take = fire;

    always @(posedge clk) begin
        x <= in_head;
        go <= fire & ~rst;
    end

endmodule

`default_nettype wire
