// Written for a test.
//
// Self-checking bench of tiny_axis. In this folder:
//     $ iverilog -g2005 -s tiny_axis_tb -o tiny_axis_tb.vvp ../rtl/*.v bw_axis_bench.v tiny_axis_tb.v && vvp tiny_axis_tb.vvp
//     $ verilator --binary --top-module tiny_axis_tb ../rtl/*.v bw_axis_bench.v tiny_axis_tb.v && obj_dir/Vtiny_axis_tb

`default_nettype none

module tiny_axis_tb;

    wire aclk;
    wire aresetn;
    wire [15:0] s_tdata;
    wire s_tvalid;
    wire s_tready;
    wire s_tlast;
    wire [15:0] m_tdata;
    wire m_tvalid;
    wire m_tready;
    wire m_tlast;

    tiny_axis dut (
        .aclk(aclk), .aresetn(aresetn), .s_axis_tdata(s_tdata), .s_axis_tvalid(s_tvalid),
        .s_axis_tready(s_tready), .s_axis_tlast(s_tlast), .m_axis_tdata(m_tdata),
        .m_axis_tvalid(m_tvalid), .m_axis_tready(m_tready), .m_axis_tlast(m_tlast)
    );

    bw_axis_bench #(
        .IN_BITS(16), .OUT_BITS(16), .VECTORS(3), .IN_FILE("tiny_axis_in.hex"),
        .OUT_FILE("tiny_axis_out.hex")
    ) bench (
        .aclk(aclk), .aresetn(aresetn), .s_tdata(s_tdata), .s_tvalid(s_tvalid), .s_tready(s_tready),
        .s_tlast(s_tlast), .m_tdata(m_tdata), .m_tvalid(m_tvalid), .m_tready(m_tready),
        .m_tlast(m_tlast)
    );

endmodule

`default_nettype wire
