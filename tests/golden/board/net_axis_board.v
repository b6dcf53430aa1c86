// A test.
//
// net_axis behind a serial line of 24 cycles a bit,
// at 24 MHz from an oscillator of 12 MHz.
// A frame is a request of 5 bytes, its result a reply of 6: see bw_link.v.

`default_nettype none

module net_axis_board (
    input  wire clock,
    input  wire uart_rx,
    input  wire reset,
    output wire uart_tx,
    output wire led
);

    wire clk;
    wire locked;
    wire rst;

    SB_PLL40_PAD #(.FEEDBACK_PATH("SIMPLE"), .DIVR(4'h0), .DIVF(7'h3f), .DIVQ(3'h5), .FILTER_RANGE(3'h1)) u_pll (
        .PACKAGEPIN(clock), .PLLOUTGLOBAL(clk), .LOCK(locked), .RESETB(1'b1), .BYPASS(1'b0)
    );

    bw_board_reset u_reset (
        .clk(clk), .locked(locked), .held(~reset), .rst(rst)
    );

    // the host's side
    wire aresetn;
    wire busy;
    wire [39:0] frame_tdata;
    wire frame_tvalid;
    wire frame_tready;
    wire frame_tlast;
    wire [15:0] result_tdata;
    wire result_tvalid;
    wire result_tready;
    wire result_tlast;

    bw_uart_link #(
        .DIVISOR(24), .IN_BYTES(5), .IN_BEATS(1), .OUT_BYTES(2), .OUT_BEATS(3),
        .IDENTITY(64'h123456789abcdef), .LIMIT(1200000), .STORE(1)
    ) u_link (
        .clk(clk), .rst(rst), .uart_rx(uart_rx), .uart_tx(uart_tx), .aresetn(aresetn), .busy(busy),
        .m_tdata(frame_tdata), .m_tvalid(frame_tvalid), .m_tready(frame_tready), .m_tlast(frame_tlast),
        .s_tdata(result_tdata), .s_tvalid(result_tvalid), .s_tready(result_tready)
    );

    // beats are counted
    wire result_tlast_unused = result_tlast;

    // the network

    net_axis network (
        .aclk(clk), .aresetn(aresetn), .s_axis_tdata(frame_tdata), .s_axis_tvalid(frame_tvalid),
        .s_axis_tready(frame_tready), .s_axis_tlast(frame_tlast), .m_axis_tdata(result_tdata),
        .m_axis_tvalid(result_tvalid), .m_axis_tready(result_tready), .m_axis_tlast(result_tlast)
    );

    // lit while a frame is under way
    assign led = ~busy;

endmodule

`default_nettype wire
