// Written for a test.
//
// folded_fc1_dot: layer dot
// Words: 3 adders, 4 multipliers, 1 register.
// Stages 0 to 1 (clock cycles after the design's input).

`default_nettype none

module folded_fc1_dot_dot (
    input  wire              clk,
    input  wire signed [3:0] x_0,
    input  wire [3:0]        x_1,
    input  wire signed       x_2,
    input  wire              x_3,
    input  wire signed [2:0] w_0,
    input  wire signed [2:0] w_1,
    input  wire signed [2:0] w_2,
    input  wire signed [2:0] w_3,
    output reg  signed [7:0] dot_w8
);

    // stage 0
    wire signed [6:0] dot_w1 = x_0 * w_0;
    wire signed [6:0] dot_w2 = $signed({3'd0, x_1}) * $signed({{4{w_1[2]}}, w_1});
    wire signed [7:0] dot_w3 = {dot_w1[6], dot_w1} + {dot_w2[6], dot_w2};
    wire signed [3:0] dot_w4 = x_2 * w_2;
    wire signed [7:0] dot_w5 = dot_w3 + {{4{dot_w4[3]}}, dot_w4};
    wire signed [2:0] dot_w6 = $signed({2'd0, x_3}) * w_3;
    wire signed [7:0] dot_w7 = dot_w5 + {{5{dot_w6[2]}}, dot_w6};

    // stage 1
    always @(posedge clk) begin
        dot_w8 <= dot_w7;
    end

endmodule

`default_nettype wire
