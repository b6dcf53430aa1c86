// The host link over a serial line, 8N1: see bw_link.v for the protocol, bw_uart_rx.v and bw_uart_tx.v for the line.
//
// DIVISOR  clock cycles of a bit; LIMIT  cycles of silence after which a request is given up; STORE  see bw_link_requests.v

`default_nettype none

module bw_uart_link #(
    parameter DIVISOR = 16,
    parameter IN_BYTES = 1,
    parameter IN_BEATS = 1,
    parameter OUT_BYTES = 1,
    parameter OUT_BEATS = 1,
    parameter [63:0] IDENTITY = 64'd0,
    parameter LIMIT = 1000,
    parameter STORE = 1
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire                   uart_rx,
    output wire                   uart_tx,
    output wire                   aresetn,
    output wire                   m_tvalid,
    input  wire                   m_tready,
    output wire [8*IN_BYTES-1:0]  m_tdata,
    output wire                   m_tlast,
    input  wire                   s_tvalid,
    output wire                   s_tready,
    input  wire [8*OUT_BYTES-1:0] s_tdata,
    output wire                   busy
);

    wire       rx_valid, rx_broken, tx_valid, tx_ready;
    wire [7:0] rx_data, tx_data;

    bw_uart_rx #(.DIVISOR(DIVISOR)) u_rx (
        .clk(clk), .rst(rst), .line(uart_rx), .valid(rx_valid), .broken(rx_broken), .data(rx_data)
    );

    bw_uart_tx #(.DIVISOR(DIVISOR)) u_tx (
        .clk(clk), .rst(rst), .valid(tx_valid), .ready(tx_ready), .data(tx_data), .line(uart_tx)
    );

    bw_link #(
        .IN_BYTES(IN_BYTES), .IN_BEATS(IN_BEATS), .OUT_BYTES(OUT_BYTES), .OUT_BEATS(OUT_BEATS),
        .IDENTITY(IDENTITY), .LIMIT(LIMIT), .STORE(STORE)
    ) u_link (
        .clk(clk), .rst(rst), .rx_valid(rx_valid), .rx_broken(rx_broken), .rx_data(rx_data),
        .tx_valid(tx_valid), .tx_ready(tx_ready), .tx_data(tx_data), .aresetn(aresetn),
        .m_tvalid(m_tvalid), .m_tready(m_tready), .m_tdata(m_tdata), .m_tlast(m_tlast),
        .s_tvalid(s_tvalid), .s_tready(s_tready), .s_tdata(s_tdata), .busy(busy)
    );

endmodule

`default_nettype wire
