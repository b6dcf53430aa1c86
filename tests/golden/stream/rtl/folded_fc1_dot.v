// Written for a test.
//
// folded_fc1_dot: a fixed pipeline; latency 1 clock cycle, a new sample in every cycle (II = 1).
// Buses hold their elements in C order, element 0 in the lowest bits, without gaps; codes are two's
// complement where signed. Format s8.3: signed, 8 bits, 3 of them after the point. See docs/ports.md.
//     input  x: 4 of mixed formats
//     input  w: 4 of s3.0
//     output y: 1 of s8.0
// Cuts the buses into words and places one module per layer.

`default_nettype none

module folded_fc1_dot (
    input  wire        clk,
    input  wire [9:0]  x,    // 4 of mixed formats
    input  wire [11:0] w,    // 4 of s3.0
    output wire [7:0]  y     // 1 of s8.0
);

    // the elements of x
    wire signed [3:0] x_0 = x[3:0];
    wire [3:0] x_1 = x[7:4];
    wire signed x_2 = x[8];
    wire x_3 = x[9];

    // the elements of w
    wire signed [2:0] w_0 = w[2:0];
    wire signed [2:0] w_1 = w[5:3];
    wire signed [2:0] w_2 = w[8:6];
    wire signed [2:0] w_3 = w[11:9];

    // layer dot
    wire signed [7:0] dot_w8;

    folded_fc1_dot_dot u_dot (
        .clk(clk), .x_0(x_0), .x_1(x_1), .x_2(x_2), .x_3(x_3), .w_0(w_0), .w_1(w_1), .w_2(w_2),
        .w_3(w_3), .dot_w8(dot_w8)
    );

    // the elements of y
    assign y = dot_w8;

endmodule

`default_nettype wire
