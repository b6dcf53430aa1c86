// Written for a test.
//
// tiny: layer fc1
// Words: 2 adders, 2 registers, 1 subtractor.
// Made by: share, place, retime.
// Stages 0 to 1 (clock cycles after the design's input).

`default_nettype none

module tiny_fc1 (
    input  wire              clk,
    input  wire              ce,
    input  wire signed [3:0] x_0,
    input  wire signed [3:0] x_1,
    input  wire [3:0]        x_2,
    output reg  signed [6:0] fc1_w4,
    output reg  signed [7:0] fc1_w5
);

    // stage 0
    wire signed [6:0] fc1_w0 = {x_1[3], x_1, 2'd0} + {{3{x_0[3]}}, x_0};
    wire signed [6:0] fc1_w1 = fc1_w0 - {3'd0, x_2};
    wire signed [7:0] fc1_w3 = {fc1_w0, 1'b0} - 8'd3;

    // stage 1
    always @(posedge clk) begin
        if (ce) begin
            fc1_w4 <= fc1_w1;
            fc1_w5 <= fc1_w3;
        end
    end

endmodule

`default_nettype wire
