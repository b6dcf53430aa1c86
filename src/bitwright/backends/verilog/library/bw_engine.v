// The engine's sequencer: fetches instructions and walks their loops, one word of memory a cycle, frame after frame.
//
// FIELD         bits of a field of an instruction
// INSTRUCTIONS  how many
// AGAIN         the instruction behind the last one
// DRAIN         cycles from an instruction's last step until its last word is written
// BLOCK         0: the program lies in logic, 1: in block memory
// FILE          what $readmemh reads, one instruction a line, field 0 lowest
//
// Fields: 0 kind (0 load, 1 matrix, 2 vector, 3 store, 4 fetch, 5 bring, 6 send), 1 flags (bit 0: results, the memory that is written;
// 1: even, rounding; 2: shared, one weight word; 3: stepped, thresholds; 4: each, parameters go on from pixel to pixel),
// 2 fetches that may be under way, 3 first place to write, 4 first place to read, 5 its row, 6 its column, 7 rows and
// 8 columns of the grid, 9 first weight, 10 first parameter; then for the six loops, the outermost first, 11..16 rounds
// less one, 17..22 by how much the place moves when that loop moves on (the inner ones starting anew), 23..28 the row,
// 29..34 the column; 35..37 the place to write, for the outer three loops. What goes to external memory and back has in
// field 9 its first burst, in 10 the beats of a run, in 2 how many runs. Numbers are two's complement.
//
// Timing of an instruction: fetch, decode, its steps, DRAIN cycles (none behind a fetch). In the cycle of a step `load`,
// `compute`, `store` or `send` is high, and all places, `in_grid`, `first` and `last` belong to it. A load waits for
// `offered`, a store for `room`, a matrix or vector until no more fetches are `under_way` than its field 2 says. A fetch
// is over in the cycle of `fetch`, which waits for `fetch_room`. A bring and a send begin with a cycle of `fetch` or
// `sends`; then a bring waits for words that have `arrived`, a send for `send_room`, and behind its last step until
// nobody is `sending`. `results`, `even`, `stepped` and `maximum` stay until the instruction's last word is written.

`default_nettype none

module bw_engine #(
    parameter FIELD = 16,
    parameter INSTRUCTIONS = 2,
    parameter AGAIN = 0,
    parameter DRAIN = 1,
    parameter BLOCK = 0,
    parameter FILE = "",
    parameter BITS = INSTRUCTIONS > 1 ? $clog2(INSTRUCTIONS) : 1,
    parameter DRAIN_BITS = DRAIN > 1 ? $clog2(DRAIN) : 1
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             offered,
    output wire             ready,
    input  wire             room,
    input  wire             fetch_room,
    input  wire [1:0]       under_way,
    input  wire             arrived,
    input  wire             send_room,
    input  wire             sending,
    output wire             load,
    output wire             compute,
    output wire             store,
    output wire             fetch,
    output wire             brings,
    output wire             sends,
    output wire             send,
    output wire             ends,
    output wire             results,
    output wire             even,
    output wire             stepped,
    output wire             maximum,
    output reg  [FIELD-1:0] place,
    output wire [FIELD-1:0] runs,
    output wire             in_grid,
    output wire             first,
    output wire             last,
    output reg  [FIELD-1:0] weight_place,
    output reg  [FIELD-1:0] parameter_place,
    output reg  [FIELD-1:0] write_place
);

    localparam [1:0] FETCH = 2'd0, DECODE = 2'd1, RUN = 2'd2, WAIT = 2'd3;
    localparam FIELDS = 38;
    localparam [31:0] LAST = INSTRUCTIONS - 1;
    localparam [31:0] NEXT = AGAIN;
    localparam [31:0] LONGEST = DRAIN - 1;

    reg [1:0]            state;
    reg [BITS-1:0]       number;
    reg [DRAIN_BITS-1:0] left;

    wire [FIELD*FIELDS-1:0] code;
    bw_rom #(.WIDTH(FIELD * FIELDS), .WORDS(INSTRUCTIONS), .BLOCK(BLOCK), .FILE(FILE)) u_program (
        .clk(clk), .index(number), .word(code)
    );

    // Kind, flags and the number of fetches take the lowest bits of their fields.
    wire [2:0] kind = code[2:0];
    wire [4:0] flags = code[FIELD+:5];
    wire [1:0] allowed = code[2*FIELD+:2];
    assign results = flags[0];
    assign even = flags[1];
    wire shared = flags[2];
    assign stepped = flags[3];
    wire each = flags[4];
    assign maximum = kind == 3'd2;
    assign runs = code[2*FIELD+:FIELD];
    wire unused = &{1'b0, code[FIELD-1:3], code[2*FIELD-1:FIELD+5]};

    wire running = state == RUN;
    assign ready = running & (kind == 3'd0);
    reg  begun;
    assign brings = kind == 3'd5;
    assign load = (ready & offered) | (running & brings & begun & arrived);
    assign compute = running & ((kind == 3'd1) | (kind == 3'd2)) & (under_way <= allowed);
    assign store = running & (kind == 3'd3) & room;
    wire fetches = kind == 3'd4;
    assign fetch = running & (fetches | (brings & ~begun)) & fetch_room;
    wire to_memory = kind == 3'd6;
    assign sends = running & to_memory & ~begun;
    assign send = running & to_memory & begun & send_room;
    wire step = load | compute | store | send;
    wire over = (state == WAIT) & (left == {DRAIN_BITS{1'b0}}) & ~sending;

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
            assign at_ends[i] = count == code[(11+i)*FIELD+:FIELD];
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
    wire next_parameter = moves[2] | (next_pixel & each);

    // Exactly one loop moves, or none at the very end: the moves are or-ed together.
    reg [FIELD-1:0] by_place;
    reg [FIELD-1:0] by_row;
    reg [FIELD-1:0] by_column;
    reg [FIELD-1:0] by_write;
    integer k;
    always @* begin
        by_place = {FIELD{1'b0}};
        by_row = {FIELD{1'b0}};
        by_column = {FIELD{1'b0}};
        by_write = {FIELD{1'b0}};
        for (k = 0; k < 6; k = k + 1) begin
            by_place = by_place | ({FIELD{moves[k]}} & code[(17+k)*FIELD+:FIELD]);
            by_row = by_row | ({FIELD{moves[k]}} & code[(23+k)*FIELD+:FIELD]);
            by_column = by_column | ({FIELD{moves[k]}} & code[(29+k)*FIELD+:FIELD]);
        end
        for (k = 0; k < 3; k = k + 1) by_write = by_write | ({FIELD{moves[k]}} & code[(35+k)*FIELD+:FIELD]);
    end

    // A negative row is a large one.
    assign in_grid = (row < code[7*FIELD+:FIELD]) & (column < code[8*FIELD+:FIELD]);

    always @(posedge clk) begin
        if (state == DECODE) begin
            place <= code[4*FIELD+:FIELD];
            row <= code[5*FIELD+:FIELD];
            column <= code[6*FIELD+:FIELD];
            weight_place <= code[9*FIELD+:FIELD];
            parameter_place <= code[10*FIELD+:FIELD];
            write_place <= code[3*FIELD+:FIELD];
        end else if (step) begin
            place <= place + by_place;
            row <= row + by_row;
            column <= column + by_column;
            weight_place <= next_pixel ? code[9*FIELD+:FIELD] : weight_place + {{(FIELD-1){1'b0}}, ~shared};
            parameter_place <= next_pixel & ~each ? code[10*FIELD+:FIELD] :
                               parameter_place + {{(FIELD-1){1'b0}}, next_parameter};
            write_place <= write_place + by_write;
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
                RUN: if (fetch & fetches) state <= FETCH;
                     else if (step & full[0]) state <= WAIT;
                WAIT: if (over) state <= FETCH;
            endcase
            if ((fetch & fetches) | over)
                number <= number == LAST[BITS-1:0] ? NEXT[BITS-1:0] : number + 1'b1;
        end
        if (state != WAIT) left <= LONGEST[DRAIN_BITS-1:0];
        else if (left != {DRAIN_BITS{1'b0}}) left <= left - 1'b1;
        begun <= running & (begun | fetch | sends);
    end

endmodule

`default_nettype wire
