// Written for a test.
//
// Self-checking bench of folded. Copy ../rtl/*.hex here, then:
//     $ iverilog -g2005 -s folded_tb -o folded_tb.vvp ../rtl/*.v bw_bench_*.v folded_tb.v && vvp folded_tb.vvp
//     $ verilator --binary --top-module folded_tb ../rtl/*.v bw_bench_*.v folded_tb.v && obj_dir/Vfolded_tb
// Both ends pause at random; +pause=n behind the command says how many of 8 cycles on average (0: never).

`default_nettype none

module folded_tb;

    wire aclk;
    wire aresetn;
    wire [15:0] s_axis_tdata;
    wire s_axis_tvalid;
    wire s_axis_tready;
    wire s_axis_tlast;
    wire [31:0] m_axis_tdata;
    wire m_axis_tvalid;
    wire m_axis_tready;
    wire m_axis_tlast;
    wire m_axis_done;
    wire m_axis_failed;

    folded dut (
        .aclk(aclk), .aresetn(aresetn), .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid),
        .s_axis_tready(s_axis_tready), .s_axis_tlast(s_axis_tlast), .m_axis_tdata(m_axis_tdata),
        .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready), .m_axis_tlast(m_axis_tlast)
    );

    bw_bench_source #(.BITS(16), .WORDS(4), .FRAMES(2), .SEED(1), .FILE("folded_s_axis.hex")) s_axis_source (
        .tdata(s_axis_tdata), .tvalid(s_axis_tvalid), .tready(s_axis_tready), .tlast(s_axis_tlast),
        .aclk(aclk), .aresetn(aresetn)
    );

    bw_bench_sink #(.BITS(32), .WORDS(1), .FRAMES(2), .SEED(2), .FILE("folded_m_axis.hex")) m_axis_sink (
        .tdata(m_axis_tdata), .tvalid(m_axis_tvalid), .tready(m_axis_tready), .tlast(m_axis_tlast),
        .aclk(aclk), .aresetn(aresetn), .done(m_axis_done), .failed(m_axis_failed)
    );

    bw_bench_clock #(.FRAMES(2)) bench (
        .aclk(aclk), .aresetn(aresetn), .done(&{m_axis_done}), .failed(|{m_axis_failed}),
        .moves(|{s_axis_tvalid & s_axis_tready, m_axis_tvalid & m_axis_tready})
    );

endmodule

`default_nettype wire
