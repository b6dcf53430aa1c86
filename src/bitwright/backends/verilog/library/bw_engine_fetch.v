// The engine's way from external memory: reads runs of words over AXI4, for the weight memory or for the features.
//
// DATA     bits of a beat
// ADDRESS  bits of a byte address
// BURST    beats of a burst at most, a power of two; BURST * DATA / 8 bytes are 4096 at most
// SLICES   beats of a word of weights, the lowest bits first
// PARTS    beats of a word of features
// FIELD    bits of the numbers of a fetch
// SHIFT    the logarithm of a burst's bytes
//
// A fetch is `runs` times `beats` beats from burst number `from` behind `base` on, every run from a burst of its own on,
// for words from `place` on, or (`features`) word after word; it is taken in a cycle with `start` and `room`. One more is taken while the one before still comes in, as soon as all addresses of that are
// out: bursts follow each other without a gap. `base` is a multiple of a burst's bytes. Nothing ever makes the memory wait:
// rready is high while something is to come.
//
// Timing: `start` in cycle t -> the first address in t + 1, then one a cycle as the memory takes them. A beat in cycle t is
// written at the end of t + 1 (`write`, one bit a slice); the last one of a word of features has `arrived` in t + 1, with
// the `word`. `under_way` counts fetches whose last beat is not written yet.
// `fault` stays, from the first answer that says error on.

`default_nettype none

module bw_engine_fetch #(
    parameter DATA = 64,
    parameter ADDRESS = 32,
    parameter BURST = 16,
    parameter SLICES = 1,
    parameter PARTS = 1,
    parameter FIELD = 16,
    parameter SHIFT = $clog2(BURST * DATA / 8)
) (
    input  wire               clk,
    input  wire               rst,
    input  wire [ADDRESS-1:0] base,
    input  wire               start,
    output wire               room,
    input  wire [FIELD-1:0]   from,
    input  wire [FIELD-1:0]   beats,
    input  wire [FIELD-1:0]   runs,
    input  wire [FIELD-1:0]   place,
    input  wire               features,
    output wire [1:0]         under_way,
    output reg                fault,
    output wire [ADDRESS-1:0] m_axi_araddr,
    output wire [7:0]         m_axi_arlen,
    output wire [2:0]         m_axi_arsize,
    output wire [1:0]         m_axi_arburst,
    output wire [3:0]         m_axi_arcache,
    output wire [2:0]         m_axi_arprot,
    output wire               m_axi_arvalid,
    input  wire               m_axi_arready,
    input  wire [DATA-1:0]    m_axi_rdata,
    input  wire [1:0]         m_axi_rresp,
    input  wire               m_axi_rlast,
    input  wire               m_axi_rvalid,
    output wire               m_axi_rready,
    output reg  [SLICES-1:0]  write,
    output reg  [FIELD-1:0]   write_place,
    output reg  [DATA-1:0]    write_data,
    output reg                arrived,
    output wire [PARTS*DATA-1:0] word
);

    localparam MOST = SLICES > PARTS ? SLICES : PARTS;
    localparam SLICE_BITS = MOST > 1 ? $clog2(MOST) : 1;
    localparam [31:0] LAST = SLICES - 1;
    localparam [31:0] LAST_PART = PARTS - 1;
    localparam [FIELD-1:0] ONE = 1;
    localparam [31:0] SIZE = $clog2(DATA / 8);

    bw_engine_bursts #(.DATA(DATA), .ADDRESS(ADDRESS), .BURST(BURST), .FIELD(FIELD), .SHIFT(SHIFT)) u_bursts (
        .clk(clk), .rst(rst), .base(base), .start(start & room), .from(from), .beats(beats), .runs(runs),
        .ready(m_axi_arready), .valid(m_axi_arvalid), .address(m_axi_araddr), .length(m_axi_arlen)
    );
    assign m_axi_arsize = SIZE[2:0];
    assign m_axi_arburst = 2'b01;
    assign m_axi_arcache = 4'b0011;
    assign m_axi_arprot = 3'b000;

    // The fetch whose beats come in, and the next one.
    reg              queued;
    reg [FIELD-1:0]  next_place;
    reg [FIELD-1:0]  next_beats;
    reg [FIELD-1:0]  next_runs;
    reg              next_features;
    reg [FIELD-1:0]  run_beats;
    reg [FIELD-1:0]  coming_runs;
    reg              to_features;
    reg [FIELD-1:0]  coming;
    reg [FIELD-1:0]  into;
    reg [SLICE_BITS-1:0] slice;
    reg              finishing;

    wire comes = coming != {FIELD{1'b0}};
    wire beat = comes & m_axi_rvalid;
    wire run_ends = beat & (coming == ONE);
    wire ends = run_ends & (coming_runs == ONE);
    wire takes = queued & (~comes | ends);
    wire filled = slice == (to_features ? LAST_PART[SLICE_BITS-1:0] : LAST[SLICE_BITS-1:0]);

    assign m_axi_rready = comes;
    assign room = ~m_axi_arvalid & ~queued;
    assign under_way = {1'b0, queued} + {1'b0, comes} + {1'b0, finishing};

    wire unused = &{1'b0, m_axi_rlast, m_axi_rresp[0]};

    always @(posedge clk) begin
        if (start & room) begin
            next_place <= place;
            next_beats <= beats;
            next_runs <= runs;
            next_features <= features;
        end
        if (rst) begin
            queued <= 1'b0;
            coming <= {FIELD{1'b0}};
        end else begin
            if (start & room) queued <= 1'b1;
            else if (takes) queued <= 1'b0;
            if (takes) coming <= next_beats;
            else if (run_ends & ~ends) coming <= run_beats;
            else if (beat) coming <= coming - 1'b1;
        end
        if (takes) coming_runs <= next_runs;
        else if (run_ends) coming_runs <= coming_runs - 1'b1;
        if (takes) begin
            run_beats <= next_beats;
            to_features <= next_features;
            into <= next_place;
            slice <= {SLICE_BITS{1'b0}};
        end else if (beat) begin
            into <= into + {{(FIELD-1){1'b0}}, filled};
            slice <= filled ? {SLICE_BITS{1'b0}} : slice + 1'b1;
        end
    end

    always @(posedge clk) begin
        write <= rst | ~beat | to_features ? {SLICES{1'b0}} : {{(SLICES-1){1'b0}}, 1'b1} << slice;
        arrived <= ~rst & beat & to_features & filled;
        write_place <= into;
        write_data <= m_axi_rdata;
        finishing <= ~rst & ends;
        fault <= ~rst & (fault | (beat & m_axi_rresp[1]));
    end

    // The last beat of a word is in write_data, those before it here.
    generate
        if (PARTS == 1) begin : g_word
            assign word = write_data;
        end else begin : g_words
            reg [(PARTS-1)*DATA-1:0] earlier;
            reg came;
            always @(posedge clk) came <= beat;
            assign word = {write_data, earlier};
            if (PARTS == 2) begin : g_two
                always @(posedge clk) if (came) earlier <= write_data;
            end else begin : g_more
                always @(posedge clk) if (came) earlier <= {write_data, earlier[(PARTS-1)*DATA-1:DATA]};
            end
        end
    endgenerate

endmodule

`default_nettype wire
