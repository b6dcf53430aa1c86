// The engine's way to external memory: writes runs of words of features over AXI4.
//
// DATA     bits of a beat
// ADDRESS  bits of a byte address
// BURST    beats of a burst at most, a power of two; BURST * DATA / 8 bytes are 4096 at most
// WIDTH    bits of a word of features
// FIELD    bits of the numbers of a transfer
//
// `start` begins `runs` times `beats` beats to burst number `from` behind `base` on, every run with a burst of its own.
// Words come from a memory that holds what it was asked for by `send` until the next `send`, which comes only where there
// is `room`. `busy` is high from behind `start` until every burst is answered. `fault` stays from the first error on.
//
// Timing: `start` in cycle t -> the first address in t + 1; `send` in t -> its word's first beat in t + 1, if the address
// of its burst is out.

`default_nettype none

module bw_engine_send #(
    parameter DATA = 64,
    parameter ADDRESS = 32,
    parameter BURST = 16,
    parameter WIDTH = 64,
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
    input  wire               send,
    input  wire [WIDTH-1:0]   word,
    output wire               room,
    output wire               busy,
    output reg                fault,
    output wire [ADDRESS-1:0] m_axi_awaddr,
    output wire [7:0]         m_axi_awlen,
    output wire [2:0]         m_axi_awsize,
    output wire [1:0]         m_axi_awburst,
    output wire [3:0]         m_axi_awcache,
    output wire [2:0]         m_axi_awprot,
    output wire               m_axi_awvalid,
    input  wire               m_axi_awready,
    output wire [DATA-1:0]    m_axi_wdata,
    output wire [DATA/8-1:0]  m_axi_wstrb,
    output wire               m_axi_wlast,
    output wire               m_axi_wvalid,
    input  wire               m_axi_wready,
    input  wire [1:0]         m_axi_bresp,
    input  wire               m_axi_bvalid,
    output wire               m_axi_bready
);

    localparam PARTS = (WIDTH + DATA - 1) / DATA;
    localparam PART_BITS = PARTS > 1 ? $clog2(PARTS) : 1;
    localparam [31:0] LAST = PARTS - 1;
    localparam [31:0] FULL = BURST - 1;
    localparam [31:0] SIZE = $clog2(DATA / 8);
    localparam [FIELD-1:0] ONE = 1;

    wire opens = m_axi_awvalid & m_axi_awready;

    bw_engine_bursts #(.DATA(DATA), .ADDRESS(ADDRESS), .BURST(BURST), .FIELD(FIELD), .SHIFT(SHIFT)) u_bursts (
        .clk(clk), .rst(rst), .base(base), .start(start), .from(from), .beats(beats), .runs(runs),
        .ready(m_axi_awready), .valid(m_axi_awvalid), .address(m_axi_awaddr), .length(m_axi_awlen)
    );
    assign m_axi_awsize = SIZE[2:0];
    assign m_axi_awburst = 2'b01;
    assign m_axi_awcache = 4'b0011;
    assign m_axi_awprot = 3'b000;

    // Beats: those left of a run, and of the burst; bursts that are open, and that are not answered.
    reg                 has;
    reg [PART_BITS-1:0] part;
    reg [FIELD-1:0]     left;
    reg [FIELD-1:0]     run_beats;
    reg [8:0]           of_burst;
    reg [FIELD-1:0]     open;
    reg [FIELD-1:0]     unanswered;

    wire beat = m_axi_wvalid & m_axi_wready;
    wire finished = part == LAST[PART_BITS-1:0];
    wire answered = m_axi_bvalid & m_axi_bready;
    wire [PARTS*DATA-1:0] padded;
    wire [PARTS*DATA-1:0] shifted = padded >> (part * DATA);

    generate
        if (PARTS * DATA > WIDTH) begin : g_padded
            assign padded = {{(PARTS*DATA-WIDTH){1'b0}}, word};
        end else begin : g_whole
            assign padded = word;
        end
        if (PARTS > 1) begin : g_dropped
            wire unused = &{1'b0, shifted[PARTS*DATA-1:DATA]};
        end
    endgenerate

    assign m_axi_wdata = shifted[DATA-1:0];
    assign m_axi_wstrb = {DATA/8{1'b1}};
    assign m_axi_wvalid = has & (open != {FIELD{1'b0}});
    assign m_axi_wlast = (left == ONE) | (of_burst == FULL[8:0]);
    assign m_axi_bready = 1'b1;
    assign room = ~has | (beat & finished);
    assign busy = m_axi_awvalid | (unanswered != {FIELD{1'b0}});
    wire unused_bits = &{1'b0, m_axi_bresp[0]};

    always @(posedge clk) begin
        if (rst) begin
            has <= 1'b0;
            open <= {FIELD{1'b0}};
            unanswered <= {FIELD{1'b0}};
            fault <= 1'b0;
        end else begin
            has <= send | (has & ~(beat & finished));
            open <= open + {{(FIELD-1){1'b0}}, opens} - {{(FIELD-1){1'b0}}, beat & m_axi_wlast};
            unanswered <= unanswered + {{(FIELD-1){1'b0}}, opens} - {{(FIELD-1){1'b0}}, answered};
            fault <= fault | (answered & m_axi_bresp[1]);
        end
        if (start) begin
            part <= {PART_BITS{1'b0}};
            left <= beats;
            run_beats <= beats;
            of_burst <= 9'd0;
        end else if (beat) begin
            part <= finished ? {PART_BITS{1'b0}} : part + 1'b1;
            left <= left == ONE ? run_beats : left - 1'b1;
            of_burst <= m_axi_wlast ? 9'd0 : of_burst + 9'd1;
        end
    end

endmodule

`default_nettype wire
