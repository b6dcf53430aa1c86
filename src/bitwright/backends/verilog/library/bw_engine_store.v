// The engine's way out: offers on AXI4-Stream the word that a memory was asked for by `store`.
//
// The memory holds its word until the next `store`, which comes only where there is `room`: no buffer is needed.
//
// Timing: `store` in cycle t -> `tvalid` in t + 1, `tlast` with it where `ends` was high in t.

`default_nettype none

module bw_engine_store (
    input  wire clk,
    input  wire rst,
    input  wire store,
    input  wire ends,
    output wire room,
    output reg  tvalid,
    input  wire tready,
    output reg  tlast
);

    assign room = ~tvalid | tready;

    always @(posedge clk) begin
        if (rst) tvalid <= 1'b0;
        else if (room) tvalid <= store;
        if (store) tlast <= ends;
    end

endmodule

`default_nettype wire
