// AXI4-Stream handshake around a pipeline of LATENCY register stages with a clock enable.
//
// The pipeline takes a beat in every cycle in which s_tvalid and s_tready are high, and moves in every
// cycle in which ce is high. Its result leaves through a two-entry buffer, so that every output here,
// s_tready and ce included, depends on registers only and not on m_tready in the same cycle. While
// m_tready stays high a beat passes in every cycle; when it falls the pipeline stops and nothing is
// lost; it moves on while no result stands at its end. Reset clears flags, not data.
//
// Latency from s to m: LATENCY + 1 cycles.

`default_nettype none

module bw_axis #(
    parameter LATENCY = 1,
    parameter WIDTH = 8
) (
    input  wire             aclk,
    input  wire             aresetn,
    input  wire             s_tvalid,
    output wire             s_tready,
    input  wire             s_tlast,
    output wire             ce,
    input  wire [WIDTH-1:0] result,
    output reg              m_tvalid,
    input  wire             m_tready,
    output reg  [WIDTH-1:0] m_tdata,
    output reg              m_tlast
);

    // Not ready during reset: a beat taken then would be lost.
    reg awake;
    always @(posedge aclk) begin
        awake <= aresetn;
    end

    // The spare entry holds what the pipeline delivered in the cycle in which m_tready fell.
    reg              spare_valid;
    reg              spare_last;
    reg  [WIDTH-1:0] spare_data;

    wire result_valid;
    wire result_last;

    assign s_tready = ce & awake;
    wire taken = s_tvalid & s_tready;

    generate
        if (LATENCY == 0) begin : g_through
            assign ce = ~spare_valid;
            assign result_valid = taken;
            assign result_last = s_tlast;
        end else begin : g_flags
            reg [LATENCY:1] valid;
            reg [LATENCY:1] last;
            wire [LATENCY:1] next_valid;
            wire [LATENCY:1] next_last;

            if (LATENCY == 1) begin : g_one
                assign next_valid = taken;
                assign next_last = s_tlast;
            end else begin : g_more
                assign next_valid = {valid[LATENCY-1:1], taken};
                assign next_last = {last[LATENCY-1:1], s_tlast};
            end

            always @(posedge aclk) begin
                if (~aresetn) begin
                    valid <= {LATENCY{1'b0}};
                end else if (ce) begin
                    valid <= next_valid;
                end
                if (ce) begin
                    last <= next_last;
                end
            end

            assign ce = ~spare_valid | ~result_valid;
            assign result_valid = valid[LATENCY];
            assign result_last = last[LATENCY];
        end
    endgenerate

    wire leaves = result_valid & ~spare_valid;

    always @(posedge aclk) begin
        if (~aresetn) begin
            m_tvalid <= 1'b0;
            spare_valid <= 1'b0;
        end else if (m_tready | ~m_tvalid) begin
            m_tvalid <= spare_valid | leaves;
            spare_valid <= 1'b0;
        end else if (leaves) begin
            spare_valid <= 1'b1;
        end
    end

    always @(posedge aclk) begin
        if (m_tready | ~m_tvalid) begin
            m_tdata <= spare_valid ? spare_data : result;
            m_tlast <= spare_valid ? spare_last : result_last;
        end
        if (leaves) begin
            spare_data <= result;
            spare_last <= result_last;
        end
    end

endmodule

`default_nettype wire
