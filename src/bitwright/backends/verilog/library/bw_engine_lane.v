// One lane of the engine: adds up the words of a result, or keeps the largest.
//
// WIDTH  bits of the total, two's complement
//
// Timing: with `valid` in cycle t, `total` in t + 1 has taken in `sum`, or `x` where `maximum` and `in_grid`; `first`
// begins anew. `total` stays until the next `valid`.

`default_nettype none

module bw_engine_lane #(
    parameter WIDTH = 16
) (
    input  wire                    clk,
    input  wire                    valid,
    input  wire                    first,
    input  wire                    in_grid,
    input  wire                    maximum,
    input  wire signed [WIDTH-1:0] sum,
    input  wire signed [WIDTH-1:0] x,
    output reg  signed [WIDTH-1:0] total
);

    // Below everything where the largest is sought, else zero.
    wire signed [WIDTH-1:0] start = {maximum, {(WIDTH-1){1'b0}}};
    wire signed [WIDTH-1:0] so_far = first ? start : total;
    wire larger = in_grid & (x > so_far);

    always @(posedge clk) begin
        if (valid) begin
            if (maximum) total <= larger ? x : so_far;
            else total <= so_far + sum;
        end
    end

endmodule

`default_nettype wire
