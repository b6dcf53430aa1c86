// Addresses of the bursts of a transfer: `runs` times `beats` beats, every run from a burst of its own on.
//
// DATA     bits of a beat
// ADDRESS  bits of a byte address
// BURST    beats of a burst at most, a power of two; BURST * DATA / 8 bytes are 4096 at most
// FIELD    bits of the numbers of a transfer
// SHIFT    the logarithm of a burst's bytes
//
// `start` begins with burst number `from` behind `base`, a multiple of a burst's bytes; it comes only while not `valid`.
// `length` is one less than the beats of the burst, as AXI4 has it.
//
// Timing: `start` in cycle t -> the first address (`valid`) in t + 1; the next one in the cycle behind `ready`.

`default_nettype none

module bw_engine_bursts #(
    parameter DATA = 64,
    parameter ADDRESS = 32,
    parameter BURST = 16,
    parameter FIELD = 16,
    parameter SHIFT = $clog2(BURST * DATA / 8)
) (
    input  wire               clk,
    input  wire               rst,
    input  wire [ADDRESS-1:0] base,
    input  wire               start,
    input  wire [FIELD-1:0]   from,
    input  wire [FIELD-1:0]   beats,
    input  wire [FIELD-1:0]   runs,
    input  wire               ready,
    output wire               valid,
    output wire [ADDRESS-1:0] address,
    output wire [7:0]         length
);

    localparam [31:0] FULL = BURST - 1;
    localparam [31:0] LENGTH = BURST;
    localparam [FIELD-1:0] ONE = 1;
    localparam NUMBER = ADDRESS - SHIFT;

    // The burst to ask for next, the beats that are left of a run, and the runs from this one on.
    reg [NUMBER-1:0] burst;
    reg [FIELD-1:0]  left;
    reg [FIELD-1:0]  left_runs;
    reg [FIELD-1:0]  run_beats;

    wire             taken = valid & ready;
    wire             whole = {{32{1'b0}}, left} >= {{FIELD{1'b0}}, LENGTH};
    wire             run_ends = {{32{1'b0}}, left} <= {{FIELD{1'b0}}, LENGTH};
    wire [FIELD-1:0] shortest = left - 1'b1;
    wire [FIELD+7:0] short = {8'd0, shortest};
    wire             unused = &{1'b0, base[SHIFT-1:0], short[FIELD+7:8]};

    assign valid = left != {FIELD{1'b0}};
    assign address = {burst, {SHIFT{1'b0}}};
    assign length = whole ? FULL[7:0] : short[7:0];

    wire [NUMBER-1:0] origin;
    generate
        if (NUMBER >= FIELD) begin : g_wide
            assign origin = base[ADDRESS-1:SHIFT] + {{(NUMBER-FIELD){1'b0}}, from};
        end else begin : g_narrow
            assign origin = base[ADDRESS-1:SHIFT] + from[NUMBER-1:0];
            wire from_unused = &{1'b0, from};
        end
    endgenerate

    always @(posedge clk) begin
        if (rst) left <= {FIELD{1'b0}};
        else if (start) left <= beats;
        else if (taken) left <= ~run_ends ? left - LENGTH[FIELD-1:0] : left_runs == ONE ? {FIELD{1'b0}} : run_beats;
        if (start) begin
            burst <= origin;
            run_beats <= beats;
            left_runs <= runs;
        end else if (taken) begin
            burst <= burst + 1'b1;
            if (run_ends) left_runs <= left_runs - 1'b1;
        end
    end

endmodule

`default_nettype wire
