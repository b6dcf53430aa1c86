// Data CYCLES clock cycles later, beside a pipeline: `late` in cycle t + CYCLES is `data` in t.
//
// No reset, so that it may become shift-register LUTs; flags go through bw_valid, which has one.

`default_nettype none

module bw_delay #(
    parameter WIDTH = 1,
    parameter CYCLES = 1
) (
    input  wire             clk,
    input  wire [WIDTH-1:0] data,
    output wire [WIDTH-1:0] late
);

    generate
        if (CYCLES == 0) begin : g_through
            wire unused = &{1'b0, clk};
            assign late = data;
        end else begin : g_stages
            // The newest word lowest.
            reg [WIDTH*CYCLES-1:0] words;
            if (CYCLES == 1) begin : g_one
                always @(posedge clk) words <= data;
            end else begin : g_more
                always @(posedge clk) words <= {words[WIDTH*(CYCLES-1)-1:0], data};
            end
            assign late = words[WIDTH*CYCLES-1-:WIDTH];
        end
    endgenerate

endmodule

`default_nettype wire
