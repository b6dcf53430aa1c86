// Written for a test.
//
// tiny: a fixed pipeline; latency 2 clock cycles, a new sample in every cycle (II = 1).
// Buses hold their elements in C order, element 0 in the lowest bits, without gaps; codes are two's
// complement where signed. Format s8.3: signed, 8 bits, 3 of them after the point. See docs/ports.md.
//     input  x: 3 of mixed formats
//     output y: 1 x 2 of s5.2
// Cuts the buses into words and places one module per layer.

`default_nettype none

module tiny_core (
    input  wire        clk,
    input  wire        ce,
    input  wire [11:0] x,    // 3 of mixed formats
    output wire [9:0]  y     // 1 x 2 of s5.2
);

    // the elements of x
    wire signed [3:0] x_0 = x[3:0];
    wire signed [3:0] x_1 = x[7:4];
    wire [3:0] x_2 = x[11:8];

    // layer fc1
    wire signed [6:0] fc1_w4;
    wire signed [7:0] fc1_w5;

    tiny_fc1 u_fc1 (
        .clk(clk), .ce(ce), .x_0(x_0), .x_1(x_1), .x_2(x_2), .fc1_w4(fc1_w4), .fc1_w5(fc1_w5)
    );

    // layer relu
    wire [3:0] relu_w1;
    wire [3:0] relu_w3;

    tiny_relu u_relu (
        .fc1_w4(fc1_w4), .fc1_w5(fc1_w5), .relu_w1(relu_w1), .relu_w3(relu_w3)
    );

    // layer act/tanh
    wire signed [4:0] act_tanh_w1;
    wire signed [4:0] act_tanh_w3;

    tiny_act_tanh u_act_tanh (
        .clk(clk), .ce(ce), .relu_w1(relu_w1), .relu_w3(relu_w3), .act_tanh_w1(act_tanh_w1),
        .act_tanh_w3(act_tanh_w3)
    );

    // the elements of y
    assign y[4:0] = act_tanh_w1;  // y[0, 0]
    assign y[9:5] = act_tanh_w3;  // y[0, 1]

endmodule

`default_nettype wire
