// The reset of a board's logic: high for 256 cycles once the clock runs, and while `locked` is low or `held` high.
//
// Counts from zero, which is how every flip-flop of these parts wakes up. `locked` and `held` (a button) know nothing of
// the clock: two flip-flops each.

`default_nettype none

module bw_board_reset (
    input  wire clk,
    input  wire locked,
    input  wire held,
    output reg  rst
);

    reg [1:0] stop;
    reg [7:0] count;

    initial begin
        rst = 1'b1;
        stop = 2'b00;
        count = 8'd0;
    end

    always @(posedge clk) begin
        stop <= {stop[0], held | ~locked};
        if (stop[1]) count <= 8'd0;
        else if (count != 8'hFF) count <= count + 8'd1;
        rst <= stop[1] | (count != 8'hFF);
    end

endmodule

`default_nettype wire
