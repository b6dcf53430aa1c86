// A level of a binary search among the thresholds of a word's phase: one more bit of how many it has reached.
//
// WIDTH   bits of `x` and of a threshold
// SIGNED  1: both are two's complement
// LEVEL   bits of `found` so far; 0: none, and `found` is not looked at
// PHASES  so many sets of thresholds take turns
// BLOCK   0: thresholds in logic, 1: in block memory
// FILE    what $readmemh reads: for each phase the threshold in the middle of each of the 2**LEVEL parts
//
// Timing: x, phase and found in cycle t -> next_x, next_phase and next_found in t + 2.

`default_nettype none

module bw_search_level #(
    parameter WIDTH = 8,
    parameter SIGNED = 1,
    parameter LEVEL = 0,
    parameter PHASES = 2,
    parameter BLOCK = 0,
    parameter FILE = "",
    parameter PHASE_BITS = PHASES > 1 ? $clog2(PHASES) : 1,
    parameter FOUND_BITS = LEVEL > 0 ? LEVEL : 1
) (
    input  wire                  clk,
    input  wire [WIDTH-1:0]      x,
    input  wire [PHASE_BITS-1:0] phase,
    input  wire [FOUND_BITS-1:0] found,
    output reg  [WIDTH-1:0]      next_x,
    output reg  [PHASE_BITS-1:0] next_phase,
    output wire [LEVEL:0]        next_found
);

    localparam WORDS = PHASES << LEVEL;
    localparam BITS = WORDS > 1 ? $clog2(WORDS) : 1;

    wire [BITS-1:0] index;
    wire [WIDTH-1:0] bound;
    bw_rom #(.WIDTH(WIDTH), .WORDS(WORDS), .BLOCK(BLOCK), .FILE(FILE)) bounds (
        .clk(clk), .index(index), .word(bound)
    );

    reg [WIDTH-1:0] word;
    reg [PHASE_BITS-1:0] turn;
    reg reached;
    wire passed;

    generate
        if (SIGNED) begin : g_signed
            assign passed = $signed(word) >= $signed(bound);
        end else begin : g_natural
            assign passed = word >= bound;
        end

        if (LEVEL == 0) begin : g_first
            wire unused = &{1'b0, found};
            assign index = phase;
            assign next_found = reached;
        end else begin : g_later
            reg [LEVEL-1:0] earlier;
            reg [LEVEL-1:0] known;
            always @(posedge clk) begin
                earlier <= found;
                known <= earlier;
            end
            if (PHASES == 1) begin : g_alone
                assign index = found;
            end else begin : g_turns
                assign index = {phase, found};
            end
            assign next_found = {known, reached};
        end
    endgenerate

    always @(posedge clk) begin
        word <= x;
        turn <= phase;
        next_x <= word;
        next_phase <= turn;
        reached <= passed;
    end

endmodule

`default_nettype wire
