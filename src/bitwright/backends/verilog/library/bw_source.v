// AXI4-Stream into the channels of a source: a beat is a word.
//
// s_tready is high while every channel has a free place and does not depend on s_tvalid; the word goes to all of
// them in the cycle of the handshake. `ready` is the conjunction over the channels.

`default_nettype none

module bw_source #(
    parameter WIDTH = 8
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             s_tvalid,
    output wire             s_tready,
    input  wire [WIDTH-1:0] s_tdata,
    input  wire             ready,
    output wire             take,
    output wire             push,
    output wire [WIDTH-1:0] data
);

    // Not ready during reset: a beat taken then would be lost. Ready in the first cycle behind it, as all actors are.
    assign s_tready = ready & ~rst;
    assign take = s_tvalid & s_tready;
    assign push = take;
    assign data = s_tdata;

    wire unused = &{1'b0, clk};

endmodule

`default_nettype wire
