// Bytes over SPI, mode 0, the highest bit first; the other side is the master and gives the clock.
//
// A byte goes each way at once, so the master gets one whether there is any to send or not: A5 says that there is none.
// A byte that is itself A5, or 5A, is sent as 5A and then the byte with its highest bit inverted.
//
// The line is read with our clock: each half of `sclk` lasts five cycles of it or more, and so does the time from
// `cs_n` falling to the first half. `miso` is driven always: nothing else may be on that wire. A transfer that ends in the
// middle of a byte loses it; what stands between two transfers plays no part.
//
// Timing: `valid` is high for one cycle, the third or fourth behind the last rising edge of a byte, with `data`. A byte is
// taken in a cycle in which `tx_valid` and `tx_ready` are high; `tx_ready` does not depend on `tx_valid`.

`default_nettype none

module bw_spi (
    input  wire       clk,
    input  wire       rst,
    input  wire       sclk,
    input  wire       cs_n,
    input  wire       mosi,
    output wire       miso,
    output reg        valid,
    output reg  [7:0] data,
    input  wire       tx_valid,
    output wire       tx_ready,
    input  wire [7:0] tx_data
);

    localparam [7:0] NONE = 8'hA5, MARK = 8'h5A;

    // The master knows nothing of our clock: two flip-flops until a wire is read, a third to see an edge.
    reg [2:0] clock_seen;
    reg [2:0] select_seen;
    reg [1:0] bit_seen;
    always @(posedge clk) begin
        if (rst) begin
            clock_seen <= 3'b000;
            select_seen <= 3'b111;
        end else begin
            clock_seen <= {clock_seen[1:0], sclk};
            select_seen <= {select_seen[1:0], cs_n};
        end
        bit_seen <= {bit_seen[0], mosi};
    end
    wire selected = ~select_seen[1];
    wire begins = select_seen[2] & selected;
    wire rises = selected & ~clock_seen[2] & clock_seen[1];
    wire falls = selected & clock_seen[2] & ~clock_seen[1];

    // In.
    reg [2:0] bits;
    always @(posedge clk) begin
        valid <= 1'b0;
        if (rst | ~selected) begin
            bits <= 3'd0;
        end else if (rises) begin
            bits <= bits + 3'd1;
            data <= {data[6:0], bit_seen[1]};
            valid <= bits == 3'd7;
        end
    end

    // Out: the next byte is fetched when its first bit must stand on the wire, and stays until the master has taken it.
    reg [7:0] out;
    reg       spent;
    reg       marked;
    wire      special = (tx_data == NONE) | (tx_data == MARK);
    wire      fetches = spent & (begins | falls);

    assign miso = out[7];
    assign tx_ready = fetches & (marked | ~special);

    always @(posedge clk) begin
        if (rst) begin
            spent <= 1'b1;
            marked <= 1'b0;
        end else if (~selected) begin
            if (bits != 3'd0) spent <= 1'b1;
        end else if (fetches) begin
            spent <= 1'b0;
            marked <= tx_valid & special & ~marked;
            out <= ~tx_valid ? NONE : marked ? (tx_data ^ 8'h80) : special ? MARK : tx_data;
        end else if (rises) begin
            spent <= bits == 3'd7;
        end else if (falls) begin
            out <= {out[6:0], 1'b0};
        end
    end

endmodule

`default_nettype wire
