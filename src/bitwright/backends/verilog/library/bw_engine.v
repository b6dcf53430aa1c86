// The engine's sequencer: fetches instructions and walks their loops, one word of memory a cycle, frame after frame.
//
// FIELD         bits of a field of an instruction
// INSTRUCTIONS  how many; behind the last one comes the first again
// DRAIN         cycles from an instruction's last step until its last word is written
// FILE          what $readmemh reads, one instruction a line, field 0 lowest
//
// Fields: 0 kind (0 load, 1 matrix, 2 vector, 3 store), 1 results (the memory that is written), 2 even (rounding),
// 3 shared (one weight word), 4 first place to write, 5 first place to read, 6 its row, 7 its column, 8 rows and
// 9 columns of the grid, 10 first weight, 11 first parameter; then for the six loops, the outermost first, 12..17
// rounds less one, 18..23 by how much the place moves when that loop moves on (the inner ones starting anew),
// 24..29 the row, 30..35 the column. Numbers are two's complement.
//
// Timing of an instruction: fetch, decode, its steps, DRAIN cycles. In the cycle of a step `load`, `compute` or
// `store` is high, and `place`, `in_grid`, `first`, `last`, `weight_place` and `parameter_place` belong to it. A load
// waits for `offered`, a store for `room`. `results`, `even` and `maximum` stay until the instruction's last word is
// written (`written`, one cycle a word, moves `write_place` on).

`default_nettype none

module bw_engine #(
    parameter FIELD = 16,
    parameter INSTRUCTIONS = 2,
    parameter DRAIN = 1,
    parameter FILE = "",
    parameter BITS = INSTRUCTIONS > 1 ? $clog2(INSTRUCTIONS) : 1,
    parameter DRAIN_BITS = DRAIN > 1 ? $clog2(DRAIN) : 1
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             offered,
    output wire             ready,
    input  wire             room,
    input  wire             written,
    output wire             load,
    output wire             compute,
    output wire             store,
    output wire             ends,
    output wire             results,
    output wire             even,
    output wire             maximum,
    output reg  [FIELD-1:0] place,
    output wire             in_grid,
    output wire             first,
    output wire             last,
    output reg  [FIELD-1:0] weight_place,
    output reg  [FIELD-1:0] parameter_place,
    output reg  [FIELD-1:0] write_place
);

    localparam [1:0] FETCH = 2'd0, DECODE = 2'd1, RUN = 2'd2, WAIT = 2'd3;
    localparam FIELDS = 36;
    localparam [31:0] LAST = INSTRUCTIONS - 1;
    localparam [31:0] LONGEST = DRAIN - 1;

    reg [1:0]            state;
    reg [BITS-1:0]       number;
    reg [DRAIN_BITS-1:0] left;

    wire [FIELD*FIELDS-1:0] code;
    bw_rom #(.WIDTH(FIELD * FIELDS), .WORDS(INSTRUCTIONS), .FILE(FILE)) u_program (
        .clk(clk), .index(number), .word(code)
    );

    // Flags take the lowest bits of their fields.
    wire [1:0] kind = code[1:0];
    assign results = code[FIELD];
    assign even = code[2*FIELD];
    wire shared = code[3*FIELD];
    assign maximum = kind[1];
    wire unused = &{1'b0, code[FIELD-1:2], code[2*FIELD-1:FIELD+1], code[3*FIELD-1:2*FIELD+1], code[4*FIELD-1:3*FIELD+1]};

    wire running = state == RUN;
    assign ready = running & (kind == 2'd0);
    assign load = ready & offered;
    assign compute = running & (kind[0] ^ kind[1]);
    assign store = running & (kind == 2'd3) & room;
    wire step = load | compute | store;

    // A loop moves on when all inner ones are at their ends.
    reg  [FIELD-1:0] row;
    reg  [FIELD-1:0] column;
    wire [5:0] at_ends;
    wire [6:0] full;
    wire [5:0] moves;
    wire [5:0] zero;
    wire zero_unused = &{1'b0, zero[2:0]};
    assign full[6] = 1'b1;

    genvar i;
    generate
        for (i = 0; i < 6; i = i + 1) begin : g_loop
            reg [FIELD-1:0] count;
            assign at_ends[i] = count == code[(12+i)*FIELD+:FIELD];
            assign full[i] = &at_ends[5:i];
            assign moves[i] = full[i+1] & ~at_ends[i];
            assign zero[i] = count == {FIELD{1'b0}};
            always @(posedge clk) begin
                if (state == DECODE) count <= {FIELD{1'b0}};
                else if (step & full[i+1]) count <= at_ends[i] ? {FIELD{1'b0}} : count + 1'b1;
            end
        end
    endgenerate

    assign first = &zero[5:3];
    assign last = full[3];
    assign ends = full[0];
    wire next_pixel = moves[0] | moves[1];

    // Exactly one loop moves, or none at the very end: the moves are or-ed together.
    reg [FIELD-1:0] by_place;
    reg [FIELD-1:0] by_row;
    reg [FIELD-1:0] by_column;
    integer k;
    always @* begin
        by_place = {FIELD{1'b0}};
        by_row = {FIELD{1'b0}};
        by_column = {FIELD{1'b0}};
        for (k = 0; k < 6; k = k + 1) begin
            by_place = by_place | ({FIELD{moves[k]}} & code[(18+k)*FIELD+:FIELD]);
            by_row = by_row | ({FIELD{moves[k]}} & code[(24+k)*FIELD+:FIELD]);
            by_column = by_column | ({FIELD{moves[k]}} & code[(30+k)*FIELD+:FIELD]);
        end
    end

    // A negative row is a large one.
    assign in_grid = (row < code[8*FIELD+:FIELD]) & (column < code[9*FIELD+:FIELD]);

    always @(posedge clk) begin
        if (state == DECODE) begin
            place <= code[5*FIELD+:FIELD];
            row <= code[6*FIELD+:FIELD];
            column <= code[7*FIELD+:FIELD];
            weight_place <= code[10*FIELD+:FIELD];
            parameter_place <= code[11*FIELD+:FIELD];
            write_place <= code[4*FIELD+:FIELD];
        end else begin
            if (step) begin
                place <= place + by_place;
                row <= row + by_row;
                column <= column + by_column;
                weight_place <= next_pixel ? code[10*FIELD+:FIELD] : weight_place + {{(FIELD-1){1'b0}}, ~shared};
                parameter_place <= next_pixel ? code[11*FIELD+:FIELD] : parameter_place + {{(FIELD-1){1'b0}}, moves[2]};
            end
            if (load | written) write_place <= write_place + 1'b1;
        end
    end

    always @(posedge clk) begin
        if (rst) begin
            state <= FETCH;
            number <= {BITS{1'b0}};
        end else begin
            case (state)
                FETCH: state <= DECODE;
                DECODE: state <= RUN;
                RUN: if (step & full[0]) state <= WAIT;
                WAIT: if (left == {DRAIN_BITS{1'b0}}) begin
                    state <= FETCH;
                    number <= number == LAST[BITS-1:0] ? {BITS{1'b0}} : number + 1'b1;
                end
            endcase
        end
        left <= state == WAIT ? left - 1'b1 : LONGEST[DRAIN_BITS-1:0];
    end

endmodule

`default_nettype wire
