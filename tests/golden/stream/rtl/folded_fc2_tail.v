// Written for a test.
//
// folded_fc2_tail: a fixed pipeline; latency 0 clock cycles, a new sample in every cycle (II = 1).
// Buses hold their elements in C order, element 0 in the lowest bits, without gaps; codes are two's
// complement where signed. Format s8.3: signed, 8 bits, 3 of them after the point. See docs/ports.md.
//     input  x: 5 of s10.0
//     output y: 5 of s5.0
// Cuts the buses into words and places one module per layer.

`default_nettype none

module folded_fc2_tail (
    input  wire        clk,
    input  wire [49:0] x,    // 5 of s10.0
    output wire [24:0] y     // 5 of s5.0
);

    // the elements of x
    wire signed [9:0] x_0 = x[9:0];
    wire signed [9:0] x_1 = x[19:10];
    wire signed [9:0] x_2 = x[29:20];
    wire signed [9:0] x_3 = x[39:30];
    wire signed [9:0] x_4 = x[49:40];

    // inputs that no layer reads
    wire unused = &{1'b0, clk};

    // layer act
    wire signed [4:0] act_w3;
    wire signed [4:0] act_w6;
    wire signed [4:0] act_w9;
    wire signed [4:0] act_w12;
    wire signed [4:0] act_w15;

    folded_fc2_tail_act u_act (
        .x_0(x_0), .x_1(x_1), .x_2(x_2), .x_3(x_3), .x_4(x_4), .act_w3(act_w3), .act_w6(act_w6),
        .act_w9(act_w9), .act_w12(act_w12), .act_w15(act_w15)
    );

    // the elements of y
    assign y[4:0] = act_w3;
    assign y[9:5] = act_w6;
    assign y[14:10] = act_w9;
    assign y[19:15] = act_w12;
    assign y[24:20] = act_w15;

endmodule

`default_nettype wire
