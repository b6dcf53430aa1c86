// Written for a test.
//
// folded_fc1_tail: layer act
// Words: 2 adders, 2 saturations, 2 registers, 2 shifts, 1 table.
// Stages 0 to 1 (clock cycles after the design's input).

`default_nettype none

module folded_fc1_tail_act (
    input  wire               clk,
    input  wire signed [10:0] x_0,
    input  wire signed [10:0] x_1,
    input  wire [1:0]         phase_0,
    output reg  signed [4:0]  act_w7,
    output reg  signed [4:0]  act_w8
);

    // 3 entries, codes 0 to 2
    function signed [3:0] table_1(input [1:0] code);
        case (code)
            2'd1: table_1 = -4'sd2;
            2'd2: table_1 = 4'sd3;
            default: table_1 = -4'sd7;
        endcase
    endfunction

    // stage 0
    wire signed [3:0] act_w0 = table_1(phase_0);
    wire signed [10:0] act_w1 = x_0 + {{7{act_w0[3]}}, act_w0};
    wire signed [8:0] act_w2 = act_w1[10:2];
    wire signed [4:0] act_w3 = (act_w2[8] & (~&act_w2[7:4])) ? -5'd16 : ((~act_w2[8]) & (|act_w2[7:4])) ? 5'd15 : act_w2[4:0];
    wire signed [10:0] act_w4 = x_1 + {{7{act_w0[3]}}, act_w0};
    wire signed [8:0] act_w5 = act_w4[10:2];
    wire signed [4:0] act_w6 = (act_w5[8] & (~&act_w5[7:4])) ? -5'd16 : ((~act_w5[8]) & (|act_w5[7:4])) ? 5'd15 : act_w5[4:0];

    // stage 1
    always @(posedge clk) begin
        act_w7 <= act_w3;
        act_w8 <= act_w6;
    end

    // bits that rounding, saturation and proven ranges drop
    wire unused = &{1'b0, act_w1[1:0], act_w4[1:0]};

endmodule

`default_nettype wire
