// Bytes from a serial line, 8N1: a start bit (low), eight data bits, the lowest first, a stop bit (high).
//
// DIVISOR  clock cycles of a bit, 4 or more
//
// Each bit is read in its middle. A start bit that is high again there was a glitch and is forgotten. A stop bit that
// is low makes the byte `broken`: the line's rate is not ours, or it is held low (a break).
//
// Timing: `valid` (or `broken`) is high for one cycle, in the middle of the stop bit; `data` goes with `valid`.

`default_nettype none

module bw_uart_rx #(
    parameter DIVISOR = 16
) (
    input  wire       clk,
    input  wire       rst,
    input  wire       line,
    output reg        valid,
    output reg        broken,
    output reg  [7:0] data
);

    localparam BITS = $clog2(DIVISOR);
    localparam integer LAST = DIVISOR - 1;
    localparam integer HALF = DIVISOR / 2 - 1;

    // The line knows nothing of our clock: two flip-flops until it is read, a third to see it fall.
    reg [2:0] seen;
    always @(posedge clk) begin
        if (rst) seen <= 3'b111;
        else seen <= {seen[1:0], line};
    end
    wire level = seen[1];
    wire falls = seen[2] & ~seen[1];

    reg            busy;
    reg [3:0]      place;
    reg [BITS-1:0] left;
    wire           samples = busy & (left == {BITS{1'b0}});

    always @(posedge clk) begin
        valid <= 1'b0;
        broken <= 1'b0;
        if (rst) begin
            busy <= 1'b0;
        end else if (~busy) begin
            busy <= falls;
            place <= 4'd0;
            left <= HALF[BITS-1:0];
        end else if (samples) begin
            place <= place + 4'd1;
            left <= LAST[BITS-1:0];
            if (place == 4'd0) begin
                busy <= ~level;
            end else if (place == 4'd9) begin
                busy <= 1'b0;
                valid <= level;
                broken <= ~level;
            end else begin
                data <= {level, data[7:1]};
            end
        end else begin
            left <= left - 1'b1;
        end
    end

endmodule

`default_nettype wire
