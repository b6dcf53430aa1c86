// What Gowin's cells do after packing that yosys has no model of, or another one.
//
// The carry cell: a full adder whose first XOR is a LUT. The lowest four bits of that LUT
// choose what the carry becomes where it is not handed on.
//
// Source: doc/alu.md of project Apicula. routed.py turns modes into the bits of the LUT.

module BW_GOWIN_ALU (input I0, I1, I2, I3, CIN, output SUM, COUT);
    parameter [15:0] LUT = 16'h0;

    wire hands_on = LUT[{I3, I2, I1, I0}];
    wire other = LUT[{2'b00, I1, I0}];

    assign SUM = hands_on ^ CIN;
    assign COUT = hands_on ? CIN : other;
endmodule

// A distributed memory: written with the clock, read at once. INIT_0 to INIT_3 are its columns.
module BW_GOWIN_MEMORY #(parameter WIDTH = 4) (
    input CLK, WRE, CE,
    input [3:0] WAD, RAD,
    input [WIDTH-1:0] DI,
    output [WIDTH-1:0] DO
);
    parameter [15:0] INIT_0 = 16'h0;
    parameter [15:0] INIT_1 = 16'h0;
    parameter [15:0] INIT_2 = 16'h0;
    parameter [15:0] INIT_3 = 16'h0;
    localparam [63:0] INIT = {INIT_3, INIT_2, INIT_1, INIT_0};

    genvar k;
    generate
        for (k = 0; k < WIDTH; k = k + 1) begin : g_column
            reg [15:0] column = INIT[16*k +: 16];
            always @(posedge CLK) if (WRE & CE) column[WAD] <= DI[k];
            assign DO[k] = column[RAD];
        end
    endgenerate
endmodule
