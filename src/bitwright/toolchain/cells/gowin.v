// What Gowin's carry cell does after packing: a full adder whose first XOR is a LUT. The lowest four bits of that LUT
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
