// Constant words: `index` in cycle t -> `word` in t + 1.
//
// WIDTH  bits of a word
// WORDS  how many there are; an index beyond them gives anything
// BLOCK  0: logic, 1: block memory
// FILE   what $readmemh reads, word 0 first

`default_nettype none

module bw_rom #(
    parameter WIDTH = 8,
    parameter WORDS = 2,
    parameter BLOCK = 0,
    parameter FILE = "",
    parameter BITS = WORDS > 1 ? $clog2(WORDS) : 1
) (
    input  wire             clk,
    input  wire [BITS-1:0]  index,
    output reg  [WIDTH-1:0] word
);

    generate
        if (BLOCK == 0) begin : g_logic
`ifdef YOSYS
            (* rom_style = "logic" *) // its word for lookup tables that nothing writes
`else
            (* rom_style = "distributed" *)
`endif
            reg [WIDTH-1:0] words [0:WORDS-1];
            if (FILE != "") begin : g_contents
                initial $readmemh(FILE, words);
            end
            always @(posedge clk) word <= words[index];
        end else begin : g_block
            (* rom_style = "block" *)
            reg [WIDTH-1:0] words [0:WORDS-1];
            if (FILE != "") begin : g_contents
                initial $readmemh(FILE, words);
            end
            always @(posedge clk) word <= words[index];
        end
    endgenerate

endmodule

`default_nettype wire
