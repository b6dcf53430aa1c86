// The host link over SPI: see bw_link.v for the protocol, bw_spi.v for the wires and for what a byte is on them.
//
// LIMIT  cycles of silence after which a request is given up; STORE  see bw_link_requests.v

`default_nettype none

module bw_spi_link #(
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
    input  wire                   spi_sclk,
    input  wire                   spi_cs_n,
    input  wire                   spi_mosi,
    output wire                   spi_miso,
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

    wire       rx_valid, tx_valid, tx_ready;
    wire [7:0] rx_data, tx_data;

    bw_spi u_spi (
        .clk(clk), .rst(rst), .sclk(spi_sclk), .cs_n(spi_cs_n), .mosi(spi_mosi), .miso(spi_miso),
        .valid(rx_valid), .data(rx_data), .tx_valid(tx_valid), .tx_ready(tx_ready), .tx_data(tx_data)
    );

    bw_link #(
        .IN_BYTES(IN_BYTES), .IN_BEATS(IN_BEATS), .OUT_BYTES(OUT_BYTES), .OUT_BEATS(OUT_BEATS),
        .IDENTITY(IDENTITY), .LIMIT(LIMIT), .STORE(STORE)
    ) u_link (
        .clk(clk), .rst(rst), .rx_valid(rx_valid), .rx_broken(1'b0), .rx_data(rx_data),
        .tx_valid(tx_valid), .tx_ready(tx_ready), .tx_data(tx_data), .aresetn(aresetn),
        .m_tvalid(m_tvalid), .m_tready(m_tready), .m_tdata(m_tdata), .m_tlast(m_tlast),
        .s_tvalid(s_tvalid), .s_tready(s_tready), .s_tdata(s_tdata), .busy(busy)
    );

endmodule

`default_nettype wire
