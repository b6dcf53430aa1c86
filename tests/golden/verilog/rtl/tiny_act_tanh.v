// Written for a test.
//
// tiny: layer act/tanh
// Words: 2 registers, 2 tables.
// Stages 1 to 2 (clock cycles after the design's input).

`default_nettype none

module tiny_act_tanh (
    input  wire              clk,
    input  wire              ce,
    input  wire [3:0]        relu_w1,
    input  wire [3:0]        relu_w3,
    output reg  signed [4:0] act_tanh_w1,
    output reg  signed [4:0] act_tanh_w3
);

    // 16 entries, codes 0 to 15
    function signed [4:0] table_1(input [3:0] code);
        case (code)
            4'd5: table_1 = -5'sd2;
            4'd6, 4'd7: table_1 = -5'sd1;
            4'd8: table_1 = 5'sd0;
            4'd9: table_1 = 5'sd1;
            4'd10: table_1 = 5'sd2;
            4'd11: table_1 = 5'sd4;
            4'd12: table_1 = 5'sd5;
            4'd13: table_1 = 5'sd6;
            4'd14: table_1 = 5'sd8;
            4'd15: table_1 = 5'sd10;
            default: table_1 = -5'sd3;
        endcase
    endfunction

    // stage 1
    wire signed [4:0] act_tanh_w0 = table_1(relu_w1);
    wire signed [4:0] act_tanh_w2 = table_1(relu_w3);

    // stage 2
    always @(posedge clk) begin
        if (ce) begin
            act_tanh_w1 <= act_tanh_w0;
            act_tanh_w3 <= act_tanh_w2;
        end
    end

endmodule

`default_nettype wire
