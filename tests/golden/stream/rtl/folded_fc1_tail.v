// Written for a test.
//
// folded_fc1_tail: a fixed pipeline; latency 1 clock cycle, a new sample in every cycle (II = 1).
// Buses hold their elements in C order, element 0 in the lowest bits, without gaps; codes are two's
// complement where signed. Format s8.3: signed, 8 bits, 3 of them after the point. See docs/ports.md.
//     input  x: 2 of s11.0
//     input  phase: scalar of u2.0
//     output y: 2 of s5.0
// Cuts the buses into words and places one module per layer.

`default_nettype none

module folded_fc1_tail (
    input  wire        clk,
    input  wire [21:0] x,      // 2 of s11.0
    input  wire [1:0]  phase,  // scalar of u2.0
    output wire [9:0]  y       // 2 of s5.0
);

    // the elements of x
    wire signed [10:0] x_0 = x[10:0];
    wire signed [10:0] x_1 = x[21:11];

    // the elements of phase
    wire [1:0] phase_0 = phase;

    // layer act
    wire signed [4:0] act_w7;
    wire signed [4:0] act_w8;

    folded_fc1_tail_act u_act (
        .clk(clk), .x_0(x_0), .x_1(x_1), .phase_0(phase_0), .act_w7(act_w7), .act_w8(act_w8)
    );

    // the elements of y
    assign y[4:0] = act_w7;
    assign y[9:5] = act_w8;

endmodule

`default_nettype wire
