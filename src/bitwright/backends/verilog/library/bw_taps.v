// The last TAPS words at each of PLACES places, which take turns: a delay line of PLACES steps from tap to tap.
//
// WIDTH  bits of a word
// BLOCK  memory, as in bw_memory
// BLANK  what a blank step shows in place of the taps
//
// Timing: `step` at `place` in cycle t -> in t + 1 `taps`, the youngest lowest, held until the next step; `word` must
// then be the step's own word, and enters with the next cycle. A step with `blank` shows BLANK, and its word is
// forgotten. Two steps in a row are at different places, or PLACES is 1.

`default_nettype none

module bw_taps #(
    parameter WIDTH = 8,
    parameter TAPS = 1,
    parameter PLACES = 1,
    parameter BLOCK = 0,
    parameter [WIDTH*TAPS-1:0] BLANK = 0,
    parameter BITS = PLACES > 1 ? $clog2(PLACES) : 1
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  step,
    input  wire                  blank,
    input  wire [BITS-1:0]       place,
    input  wire [WIDTH-1:0]      word,
    output wire [WIDTH*TAPS-1:0] taps
);

    reg enters;
    always @(posedge clk) enters <= step & ~blank & ~rst;

    wire [WIDTH*TAPS-1:0] younger;
    generate
        if (TAPS == 1) begin : g_one
            assign younger = word;
        end else begin : g_more
            assign younger = {taps[WIDTH*(TAPS-1)-1:0], word};
        end

        if (PLACES == 1) begin : g_register
            // What was stored last is passed on, for it may be read at once.
            reg [WIDTH*TAPS-1:0] stored;
            reg [WIDTH*TAPS-1:0] shown;
            wire [WIDTH*TAPS-1:0] current = enters ? younger : stored;
            wire unused = &{1'b0, place};
            always @(posedge clk) begin
                stored <= current;
                if (step) shown <= blank ? BLANK : current;
            end
            assign taps = shown;
        end else begin : g_memory
            reg [BITS-1:0] written;
            always @(posedge clk) if (step) written <= place;
            bw_memory #(.WIDTH(WIDTH * TAPS), .WORDS(PLACES), .BLOCK(BLOCK), .FILL(BLANK)) u_memory (
                .clk(clk), .write(enters), .write_place(written), .data(younger),
                .read(step), .blank(blank), .read_place(place), .word(taps)
            );
        end
    endgenerate

endmodule

`default_nettype wire
