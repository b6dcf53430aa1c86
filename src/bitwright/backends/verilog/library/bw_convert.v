// Words of IN lanes become words of OUT lanes: a gearbox.
//
// A step reads when fewer than OUT lanes are held, and writes when then at least OUT are; so never more than IN + OUT
// lanes wait, and nothing is held at the end of a frame that both widths divide. Where one divides the other there
// is no logic on the data but a shift; in between, a multiplexer of OUT / gcd(IN, OUT) words.
//
// WIDTH  bits of a lane
//
// Timing: step in cycle t -> x, go in t + 1.

`default_nettype none

module bw_convert #(
    parameter WIDTH = 8,
    parameter IN = 1,
    parameter OUT = 2
) (
    input  wire                 clk,
    input  wire                 rst,
    input  wire                 in_valid,
    input  wire [WIDTH*IN-1:0]  in_head,
    output wire                 in_pop,
    input  wire                 out_ready,
    output wire                 out_take,
    output wire [WIDTH*OUT-1:0] x,
    output reg                  go
);

    function integer divisor(input integer one, input integer other);
        integer whole, rest;
        begin
            divisor = one;
            rest = other;
            while (rest != 0) begin
                whole = divisor;
                divisor = rest;
                rest = whole % divisor;
            end
        end
    endfunction

    // All is counted in pieces of the greatest common width.
    localparam PIECE = divisor(IN, OUT);
    localparam GIVEN = IN / PIECE;
    localparam TAKEN = OUT / PIECE;
    localparam BITS = WIDTH * PIECE;

    wire reads;   // the step to come reads a word
    wire writes;  // and writes one
    wire fire = (in_valid | ~reads) & (out_ready | ~writes);
    assign in_pop = fire & reads;
    assign out_take = fire & writes;
    always @(posedge clk) go <= out_take & ~rst;

    generate
        if (TAKEN == 1) begin : g_narrower
            // The word is shifted out below.
            reg [BITS*GIVEN-1:0] pieces;
            wire [BITS*GIVEN-1:0] shifted;
            if (GIVEN == 1) begin : g_same
                assign shifted = in_head;
                assign reads = 1'b1;
            end else begin : g_shift
                // Above, anything may come in.
                assign shifted = {pieces[BITS*GIVEN-1-:BITS], pieces[BITS*GIVEN-1:BITS]};
                wire [$clog2(GIVEN)-1:0] number;
                bw_count #(.N(GIVEN)) u_number (.clk(clk), .rst(rst), .go(fire), .phase(number));
                assign reads = number == 0;
            end
            assign writes = 1'b1;
            always @(posedge clk) if (fire) pieces <= reads ? in_head : shifted;
            assign x = pieces[BITS-1:0];
        end else if (GIVEN == 1) begin : g_wider
            // Words are shifted in above.
            localparam [31:0] LAST = TAKEN - 1;
            reg [BITS*TAKEN-1:0] pieces;
            wire [$clog2(TAKEN)-1:0] number;
            bw_count #(.N(TAKEN)) u_number (.clk(clk), .rst(rst), .go(fire), .phase(number));
            assign reads = 1'b1;
            assign writes = number == LAST[$clog2(TAKEN)-1:0];
            always @(posedge clk) if (fire) pieces <= {in_head, pieces[BITS*TAKEN-1:BITS]};
            assign x = pieces;
        end else begin : g_between
            // The word written last stays below what is held, until the next step shifts it out.
            localparam COUNT_BITS = $clog2(GIVEN + TAKEN);
            localparam [31:0] MORE_BITS = GIVEN;
            localparam [31:0] LESS_BITS = TAKEN;
            localparam [COUNT_BITS-1:0] MORE = MORE_BITS[COUNT_BITS-1:0];
            localparam [COUNT_BITS-1:0] LESS = LESS_BITS[COUNT_BITS-1:0];
            reg [COUNT_BITS-1:0] held;
            reg written;
            reg [BITS*(GIVEN+TAKEN-1)-1:0] pieces;
            reg [BITS*(GIVEN+TAKEN-1)-1:0] next;
            wire [BITS*(GIVEN+TAKEN-1)-1:0] kept = written ? pieces >> BITS * TAKEN : pieces;
            wire [COUNT_BITS-1:0] reached = reads ? held + MORE : held;

            integer i;
            assign reads = held < LESS;
            assign writes = reached >= LESS;
            always @* begin
                next = kept;
                for (i = 0; i < TAKEN; i = i + 1) begin
                    if (reads && held == i[COUNT_BITS-1:0]) next[BITS*i+:BITS*GIVEN] = in_head;
                end
            end
            always @(posedge clk) begin
                if (fire) pieces <= next;
                if (rst) begin
                    held <= {COUNT_BITS{1'b0}};
                    written <= 1'b0;
                end else if (fire) begin
                    held <= writes ? reached - LESS : reached;
                    written <= writes;
                end
            end
            assign x = pieces[BITS*TAKEN-1:0];
        end
    endgenerate

endmodule

`default_nettype wire
