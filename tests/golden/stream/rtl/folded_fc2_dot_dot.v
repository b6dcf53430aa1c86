// Written for a test.
//
// folded_fc2_dot: layer dot
// Words: 5 adders, 6 multipliers.
// Stage 0 (clock cycles after the design's input).

`default_nettype none

module folded_fc2_dot_dot (
    input  wire signed [4:0] x_0,
    input  wire signed [4:0] x_1,
    input  wire signed [4:0] x_2,
    input  wire signed [4:0] x_3,
    input  wire signed [4:0] x_4,
    input  wire signed [4:0] x_5,
    input  wire signed [2:0] w_0,
    input  wire signed [2:0] w_1,
    input  wire signed [2:0] w_2,
    input  wire signed [2:0] w_3,
    input  wire signed [2:0] w_4,
    input  wire signed [2:0] w_5,
    output wire signed [9:0] dot_w11
);

    // stage 0
    wire signed [7:0] dot_w1 = x_0 * w_0;
    wire signed [7:0] dot_w2 = x_1 * w_1;
    wire signed [8:0] dot_w3 = {dot_w1[7], dot_w1} + {dot_w2[7], dot_w2};
    wire signed [7:0] dot_w4 = x_2 * w_2;
    wire signed [8:0] dot_w5 = dot_w3 + {dot_w4[7], dot_w4};
    wire signed [7:0] dot_w6 = x_3 * w_3;
    wire signed [9:0] dot_w7 = {dot_w5[8], dot_w5} + {{2{dot_w6[7]}}, dot_w6};
    wire signed [7:0] dot_w8 = x_4 * w_4;
    wire signed [9:0] dot_w9 = dot_w7 + {{2{dot_w8[7]}}, dot_w8};
    wire signed [7:0] dot_w10 = x_5 * w_5;
    assign dot_w11 = dot_w9 + {{2{dot_w10[7]}}, dot_w10};

endmodule

`default_nettype wire
