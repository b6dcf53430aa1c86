// The front of an actor with a state: each word meets the state that the word before it left.
//
// WIDTH    bits of a word
// STATE    bits of the state
// INITIAL  the state that the first word of a round meets
// COUNT    words of a round
// LAST     1: only the last word of a round makes a word of the result
// CYCLES   from word to word at least: one more than the registers between `state` and `next`
//
// Timing: step in cycle t -> x, state in t + 1 (and go, if the word makes one of the result); `next` is taken over
// in t + CYCLES. The state keeps its word until then, x does not.

`default_nettype none

module bw_recur #(
    parameter WIDTH = 8,
    parameter STATE = 8,
    parameter [STATE-1:0] INITIAL = 0,
    parameter COUNT = 2,
    parameter LAST = 0,
    parameter CYCLES = 1
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             in_valid,
    input  wire [WIDTH-1:0] in_head,
    output wire             in_pop,
    input  wire             out_ready,
    output wire             out_take,
    output reg  [WIDTH-1:0] x,
    output reg              go,
    output reg  [STATE-1:0] state,
    input  wire [STATE-1:0] next
);

    localparam PLACE_BITS = COUNT > 1 ? $clog2(COUNT) : 1;
    localparam PHASE_BITS = CYCLES > 1 ? $clog2(CYCLES) : 1;
    localparam [31:0] LAST_PLACE = COUNT - 1;
    localparam [31:0] LAST_PHASE = CYCLES - 1;

    wire [PLACE_BITS-1:0] place;
    wire [PHASE_BITS-1:0] phase;
    wire idle = phase == {PHASE_BITS{1'b0}};
    wire begins = place == {PLACE_BITS{1'b0}};
    wire writes = LAST == 0 || place == LAST_PLACE[PLACE_BITS-1:0];
    wire fire = idle & in_valid & (out_ready | ~writes);
    assign in_pop = fire;
    assign out_take = fire & writes;

    bw_count #(.N(CYCLES)) u_phase (.clk(clk), .rst(rst), .go(fire | ~idle), .phase(phase));
    bw_count #(.N(COUNT)) u_place (.clk(clk), .rst(rst), .go(fire), .phase(place));

    // The word is around: what begins next then begins a round, or meets what it left.
    reg around;
    wire ends = CYCLES == 1 ? fire : phase == LAST_PHASE[PHASE_BITS-1:0];

    always @(posedge clk) begin
        x <= in_head;
        go <= fire & writes & ~rst;
        around <= ends & ~rst;
        if (rst) state <= INITIAL;
        else if (around) state <= begins ? INITIAL : next;
    end

endmodule

`default_nettype wire
