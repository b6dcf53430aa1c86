// Bytes to a serial line, 8N1: a start bit (low), eight data bits, the lowest first, a stop bit (high).
//
// DIVISOR  clock cycles of a bit, 2 or more
//
// Timing: a byte is taken in a cycle in which `valid` and `ready` are high; its start bit begins in the next cycle, and
// 10 * DIVISOR cycles later `ready` is high again. `ready` does not depend on `valid`.

`default_nettype none

module bw_uart_tx #(
    parameter DIVISOR = 16
) (
    input  wire       clk,
    input  wire       rst,
    input  wire       valid,
    output wire       ready,
    input  wire [7:0] data,
    output reg        line
);

    localparam BITS = $clog2(DIVISOR);
    localparam integer LAST = DIVISOR - 1;

    // What follows on the line; the bits behind the last one are stop bits.
    reg [8:0]      rest;
    reg [3:0]      bits;
    reg [BITS-1:0] left;

    assign ready = bits == 4'd0;

    // At rest from the first moment on: a line that wakes up low is a start bit to the other side.
    initial line = 1'b1;

    always @(posedge clk) begin
        if (rst) begin
            bits <= 4'd0;
            line <= 1'b1;
        end else if (ready) begin
            left <= LAST[BITS-1:0];
            if (valid) begin
                bits <= 4'd10;
                line <= 1'b0;
                rest <= {1'b1, data};
            end
        end else if (left == {BITS{1'b0}}) begin
            bits <= bits - 4'd1;
            left <= LAST[BITS-1:0];
            line <= rest[0];
            rest <= {1'b1, rest[8:1]};
        end else begin
            left <= left - 1'b1;
        end
    end

endmodule

`default_nettype wire
