// One lane of the engine: adds up the words of a result, or keeps the largest.
//
// WIDTH  bits of the total, two's complement
// X      bits of an element of a word, two's complement; WIDTH at most
//
// One adder does both: where the largest is sought it adds x to nothing, or nothing to the total.
//
// Timing: with `valid` in cycle t, `total` in t + 1 has taken in `sum`, or `x` where `maximum` and `in_grid`; `first`
// begins anew. `total` stays until the next `valid`.

`default_nettype none

module bw_engine_lane #(
    parameter WIDTH = 16,
    parameter X = 8
) (
    input  wire                    clk,
    input  wire                    valid,
    input  wire                    first,
    input  wire                    in_grid,
    input  wire                    maximum,
    input  wire signed [WIDTH-1:0] sum,
    input  wire signed [X-1:0]     x,
    output reg  signed [WIDTH-1:0] total
);

    // What was outside the grid so far is smaller than everything.
    reg  nothing;
    wire signed [X-1:0] largest = total[X-1:0];
    wire larger = in_grid & (first | nothing | (x > largest));
    wire anew = first | (maximum & larger);
    wire signed [WIDTH-1:0] kept = anew ? {WIDTH{1'b0}} : total;
    wire signed [WIDTH-1:0] taken = maximum ? (larger ? {{(WIDTH-X){x[X-1]}}, x} : {WIDTH{1'b0}}) : sum;

    always @(posedge clk) begin
        if (valid) begin
            total <= kept + taken;
            nothing <= (first | nothing) & ~in_grid;
        end
    end

endmodule

`default_nettype wire
