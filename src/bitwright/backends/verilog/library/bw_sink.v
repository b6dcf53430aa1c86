// A channel out to AXI4-Stream: a word is a beat, the last of every WORDS carries TLAST.
//
// m_tvalid, m_tdata and m_tlast depend on registers only and hold until the beat is taken.

`default_nettype none

module bw_sink #(
    parameter WIDTH = 8,
    parameter WORDS = 1
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             valid,
    input  wire [WIDTH-1:0] head,
    output wire             pop,
    output wire             m_tvalid,
    input  wire             m_tready,
    output wire [WIDTH-1:0] m_tdata,
    output wire             m_tlast
);

    localparam BITS = WORDS > 1 ? $clog2(WORDS) : 1;
    localparam [31:0] LAST = WORDS - 1;

    wire [BITS-1:0] number;
    bw_count #(.N(WORDS)) u_number (.clk(clk), .rst(rst), .go(pop), .phase(number));

    assign m_tvalid = valid;
    assign m_tdata = head;
    assign m_tlast = number == LAST[BITS-1:0];
    assign pop = m_tvalid & m_tready;

endmodule

`default_nettype wire
