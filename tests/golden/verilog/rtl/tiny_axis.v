// Written for a test.
//
// tiny: a fixed pipeline; latency 2 clock cycles, a new sample in every cycle (II = 1).
// Buses hold their elements in C order, element 0 in the lowest bits, without gaps; codes are two's
// complement where signed. Format s8.3: signed, 8 bits, 3 of them after the point. See docs/ports.md.
//     input  x: 3 of mixed formats
//     output y: 1 x 2 of s5.2
// AXI4-Stream: one sample per beat, latency 3 cycles, up to a beat in every cycle.
//     s_axis_tdata[11:0] is x
//     m_axis_tdata[9:0] is y

`default_nettype none

module tiny_axis (
    input  wire        aclk,
    input  wire        aresetn,
    input  wire [15:0] s_axis_tdata,
    input  wire        s_axis_tvalid,
    output wire        s_axis_tready,
    input  wire        s_axis_tlast,
    output wire [15:0] m_axis_tdata,
    output wire        m_axis_tvalid,
    input  wire        m_axis_tready,
    output wire        m_axis_tlast
);

    // every bus begins at a whole byte
    wire [11:0] in_x = s_axis_tdata[11:0];

    // bits that fill the last byte
    wire unused = &{1'b0, s_axis_tdata[15:12]};

    // the pipeline moves while ce is high
    wire ce;
    wire [9:0] out_y;

    tiny_core u_pipeline (
        .clk(aclk), .ce(ce), .x(in_x), .y(out_y)
    );

    // what leaves the buffer behind the pipeline
    wire [9:0] delivered;

    bw_axis #(.LATENCY(2), .WIDTH(10)) u_handshake (
        .aclk(aclk), .aresetn(aresetn), .s_tvalid(s_axis_tvalid), .s_tready(s_axis_tready),
        .s_tlast(s_axis_tlast), .ce(ce), .result(out_y), .m_tvalid(m_axis_tvalid),
        .m_tready(m_axis_tready), .m_tdata(delivered), .m_tlast(m_axis_tlast)
    );

    // whole bytes again
    assign m_axis_tdata[15:0] = {6'd0, delivered[9:0]};

endmodule

`default_nettype wire
