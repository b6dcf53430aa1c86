// Written for a test.
//
// folded_fc2_tail: layer act
// Words: 5 adders, 5 saturations, 5 shifts.
// Stage 0 (clock cycles after the design's input).

`default_nettype none

module folded_fc2_tail_act (
    input  wire signed [9:0] x_0,
    input  wire signed [9:0] x_1,
    input  wire signed [9:0] x_2,
    input  wire signed [9:0] x_3,
    input  wire signed [9:0] x_4,
    output wire signed [4:0] act_w3,
    output wire signed [4:0] act_w6,
    output wire signed [4:0] act_w9,
    output wire signed [4:0] act_w12,
    output wire signed [4:0] act_w15
);

    // stage 0
    wire signed [9:0] act_w1 = x_0 + 10'd3;
    wire signed [7:0] act_w2 = act_w1[9:2];
    assign act_w3 = (act_w2[7] & (~&act_w2[6:4])) ? -5'd16 : ((~act_w2[7]) & (|act_w2[6:4])) ? 5'd15 : act_w2[4:0];
    wire signed [9:0] act_w4 = x_1 + 10'd3;
    wire signed [7:0] act_w5 = act_w4[9:2];
    assign act_w6 = (act_w5[7] & (~&act_w5[6:4])) ? -5'd16 : ((~act_w5[7]) & (|act_w5[6:4])) ? 5'd15 : act_w5[4:0];
    wire signed [9:0] act_w7 = x_2 + 10'd3;
    wire signed [7:0] act_w8 = act_w7[9:2];
    assign act_w9 = (act_w8[7] & (~&act_w8[6:4])) ? -5'd16 : ((~act_w8[7]) & (|act_w8[6:4])) ? 5'd15 : act_w8[4:0];
    wire signed [9:0] act_w10 = x_3 + 10'd3;
    wire signed [7:0] act_w11 = act_w10[9:2];
    assign act_w12 = (act_w11[7] & (~&act_w11[6:4])) ? -5'd16 : ((~act_w11[7]) & (|act_w11[6:4])) ? 5'd15 : act_w11[4:0];
    wire signed [9:0] act_w13 = x_4 + 10'd3;
    wire signed [7:0] act_w14 = act_w13[9:2];
    assign act_w15 = (act_w14[7] & (~&act_w14[6:4])) ? -5'd16 : ((~act_w14[7]) & (|act_w14[6:4])) ? 5'd15 : act_w14[4:0];

    // bits that rounding, saturation and proven ranges drop
    wire unused = &{1'b0, act_w1[1:0], act_w4[1:0], act_w7[1:0], act_w10[1:0], act_w13[1:0]};

endmodule

`default_nettype wire
