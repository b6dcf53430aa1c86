// Written for a test.
//
// folded_fc2_dot: a fixed pipeline; latency 0 clock cycles, a new sample in every cycle (II = 1).
// Buses hold their elements in C order, element 0 in the lowest bits, without gaps; codes are two's
// complement where signed. Format s8.3: signed, 8 bits, 3 of them after the point. See docs/ports.md.
//     input  x: 6 of s5.0
//     input  w: 6 of s3.0
//     output y: 1 of s10.0
// Cuts the buses into words and places one module per layer.

`default_nettype none

module folded_fc2_dot (
    input  wire        clk,
    input  wire [29:0] x,    // 6 of s5.0
    input  wire [17:0] w,    // 6 of s3.0
    output wire [9:0]  y     // 1 of s10.0
);

    // the elements of x
    wire signed [4:0] x_0 = x[4:0];
    wire signed [4:0] x_1 = x[9:5];
    wire signed [4:0] x_2 = x[14:10];
    wire signed [4:0] x_3 = x[19:15];
    wire signed [4:0] x_4 = x[24:20];
    wire signed [4:0] x_5 = x[29:25];

    // the elements of w
    wire signed [2:0] w_0 = w[2:0];
    wire signed [2:0] w_1 = w[5:3];
    wire signed [2:0] w_2 = w[8:6];
    wire signed [2:0] w_3 = w[11:9];
    wire signed [2:0] w_4 = w[14:12];
    wire signed [2:0] w_5 = w[17:15];

    // inputs that no layer reads
    wire unused = &{1'b0, clk};

    // layer dot
    wire signed [9:0] dot_w11;

    folded_fc2_dot_dot u_dot (
        .x_0(x_0), .x_1(x_1), .x_2(x_2), .x_3(x_3), .x_4(x_4), .x_5(x_5), .w_0(w_0), .w_1(w_1),
        .w_2(w_2), .w_3(w_3), .w_4(w_4), .w_5(w_5), .dot_w11(dot_w11)
    );

    // the elements of y
    assign y = dot_w11;

endmodule

`default_nettype wire
