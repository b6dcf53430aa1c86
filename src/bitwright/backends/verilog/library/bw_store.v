// Words that are there from the beginning and can be written: `index` in cycle t -> `word` in t + 1.
//
// WIDTH  bits of a word
// WORDS  how many there are; an index beyond them gives anything
// BLOCK  0: distributed memory, 1: block memory, 2: UltraRAM (whose contents must be written first)
// FILE   what $readmemh reads, word 0 first
//
// A word that is written in the cycle in which it is read may come old or new.

`default_nettype none

module bw_store #(
    parameter WIDTH = 8,
    parameter WORDS = 2,
    parameter BLOCK = 0,
    parameter FILE = "",
    parameter BITS = WORDS > 1 ? $clog2(WORDS) : 1
) (
    input  wire             clk,
    input  wire             write,
    input  wire [BITS-1:0]  place,
    input  wire [WIDTH-1:0] data,
    input  wire [BITS-1:0]  index,
    output wire [WIDTH-1:0] word
);

    generate
        if (WORDS == 1) begin : g_one
            reg [WIDTH-1:0] words [0:0];
            if (FILE != "") begin : g_contents
                initial $readmemh(FILE, words);
            end
            always @(posedge clk) if (write) words[0] <= data;
            assign word = words[0];
            wire unused = &{1'b0, place, index};
        end else if (BLOCK == 0) begin : g_distributed
            (* ram_style = "distributed" *)
            reg [WIDTH-1:0] words [0:WORDS-1];
            reg [WIDTH-1:0] read;
            if (FILE != "") begin : g_contents
                initial $readmemh(FILE, words);
            end
            always @(posedge clk) begin
                if (write) words[place] <= data;
                read <= words[index];
            end
            assign word = read;
        end else if (BLOCK == 1) begin : g_block
            (* ram_style = "block", no_rw_check *)
            reg [WIDTH-1:0] words [0:WORDS-1];
            reg [WIDTH-1:0] read;
            if (FILE != "") begin : g_contents
                initial $readmemh(FILE, words);
            end
            always @(posedge clk) begin
                if (write) words[place] <= data;
                read <= words[index];
            end
            assign word = read;
        end else begin : g_ultra
            (* ram_style = "ultra", no_rw_check *)
            reg [WIDTH-1:0] words [0:WORDS-1];
            reg [WIDTH-1:0] read;
            always @(posedge clk) begin
                if (write) words[place] <= data;
                read <= words[index];
            end
            assign word = read;
        end
    endgenerate

endmodule

`default_nettype wire
