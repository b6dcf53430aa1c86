// Written for a test.
//
// folded: Convert wider
// Words of 2 elements to words of 6.
// 3 steps a frame; a word is 1 cycle behind the step that writes it.

`default_nettype none

module folded_wider (
    input  wire        clk,
    input  wire        rst,
    input  wire        in_valid,
    input  wire [9:0]  in_head,    // 2 of s5
    output wire        in_pop,
    input  wire        out_ready,
    output wire        out_take,   // keeps a place for a word
    output wire        out_push,   // the word, in that place
    output wire [29:0] out_data    // 6 of s5
);

    wire [29:0] x;
    wire go;

    bw_convert #(.WIDTH(5), .IN(2), .OUT(6)) front (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop),
        .out_ready(out_ready), .out_take(out_take), .x(x), .go(go)
    );

    // the word in the lanes of the result
    assign out_data = x;
    assign out_push = go;

endmodule

`default_nettype wire
