// Written for a test.
//
// tiny: layer relu
// Words: 2 saturations, 2 shifts.
// Made by: place.
// Stage 1 (clock cycles after the design's input).

`default_nettype none

module tiny_relu (
    input  wire signed [6:0] fc1_w4,
    input  wire signed [7:0] fc1_w5,
    output wire [3:0]        relu_w1,
    output wire [3:0]        relu_w3
);

    // stage 1
    wire signed [5:0] relu_w0 = fc1_w4[6:1];
    assign relu_w1 = relu_w0[5] ? 4'd0 : relu_w0[4] ? 4'd15 : relu_w0[3:0];
    wire signed [6:0] relu_w2 = fc1_w5[7:1];
    assign relu_w3 = relu_w2[6] ? 4'd0 : (|relu_w2[5:4]) ? 4'd15 : relu_w2[3:0];

    // bits that rounding, saturation and proven ranges drop
    wire unused = &{1'b0, fc1_w4[0], fc1_w5[0]};

endmodule

`default_nettype wire
