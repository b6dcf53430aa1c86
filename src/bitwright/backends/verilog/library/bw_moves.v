// By how much a sum over nested loops changes when a loop advances.
//
// The sum is index[0] * STEPS[0] + index[1] * STEPS[1] + ..., loop 0 outermost. When loop l advances, those inside it
// start again: the sum moves by STEPS[l] less what they had walked. When a frame ends all start again, and AGAIN is
// added.
//
// BITS     of the change
// LOOPS    how many
// EXTENTS  rounds of each, 32 bits a loop, loop 0 lowest
// STEPS    of each, two's complement, 32 bits a loop
// MODULUS  0, or the change is given modulo it (from 0 to MODULUS - 1)
//
// `advance` has one bit high: that of the loop that advances, bit LOOPS for the end of a frame. No registers.

`default_nettype none

module bw_moves #(
    parameter BITS = 8,
    parameter LOOPS = 1,
    parameter [32*LOOPS-1:0] EXTENTS = 1,
    parameter [32*LOOPS-1:0] STEPS = 0,
    parameter signed [31:0] AGAIN = 0,
    parameter signed [31:0] MODULUS = 0
) (
    input  wire [LOOPS:0]  advance,
    output reg  [BITS-1:0] change
);

    // What the loops from `outer` on have walked at their last rounds.
    function signed [31:0] walked(input integer outer);
        integer l;
        begin
            walked = 0;
            for (l = outer; l < LOOPS; l = l + 1) begin
                walked = walked + $signed(STEPS[32*l+:32]) * ($signed(EXTENTS[32*l+:32]) - 1);
            end
        end
    endfunction

    function signed [31:0] reduced(input signed [31:0] value);
        begin
            reduced = MODULUS == 0 ? value : ((value % MODULUS) + MODULUS) % MODULUS;
        end
    endfunction

    wire [BITS*(LOOPS+1)-1:0] changes;
    genvar n;
    generate
        for (n = 0; n <= LOOPS; n = n + 1) begin : g_loop
            localparam signed [31:0] MOVE =
                n < LOOPS ? $signed(STEPS[32*(n%LOOPS)+:32]) - walked(n + 1) : AGAIN - walked(0);
            localparam signed [31:0] CHANGE = reduced(MOVE);
            assign changes[BITS*n+:BITS] = CHANGE[BITS-1:0];
        end
    endgenerate

    integer i;
    always @* begin
        change = {BITS{1'b0}};
        for (i = 0; i <= LOOPS; i = i + 1) change = change | (changes[BITS*i+:BITS] & {BITS{advance[i]}});
    end

endmodule

`default_nettype wire
