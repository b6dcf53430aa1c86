// Carries a valid flag beside a pipeline of LATENCY register stages.
//
// out_valid follows in_valid LATENCY clock cycles later. The synchronous reset clears the flags and
// nothing else: data registers need no reset, since data without a flag is never looked at.

`default_nettype none

module bw_valid #(
    parameter LATENCY = 1
) (
    input  wire clk,
    input  wire rst,
    input  wire in_valid,
    output wire out_valid
);

    generate
        if (LATENCY == 0) begin : g_through
            wire unused = &{1'b0, clk, rst};
            assign out_valid = in_valid;
        end else begin : g_flags
            reg [LATENCY:1] flags;
            wire [LATENCY:1] shifted;

            if (LATENCY == 1) begin : g_one
                assign shifted = in_valid;
            end else begin : g_more
                assign shifted = {flags[LATENCY-1:1], in_valid};
            end

            always @(posedge clk) begin
                if (rst) begin
                    flags <= {LATENCY{1'b0}};
                end else begin
                    flags <= shifted;
                end
            end

            assign out_valid = flags[LATENCY];
        end
    endgenerate

endmodule

`default_nettype wire
