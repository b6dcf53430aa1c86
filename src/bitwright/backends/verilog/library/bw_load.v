// The place of a memory on the bus of bw_axi_lite: several 32-bit words become one word of the memory.
//
// PLACE_BITS   bits of a place on the bus (of 32-bit words)
// REGION_BITS  bits of a place within this memory's region
// REGION       the places' bits above these
// WORDS        words of the memory
// WIDTH        bits of a word; it takes the lowest bits of PARTS places, PARTS rounded up to 2**PART_BITS
//
// All parts of a word but the last wait here; writing the last one writes the word, in the cycle after `write`.

`default_nettype none

module bw_load #(
    parameter PLACE_BITS = 14,
    parameter REGION_BITS = 10,
    parameter REGION = 1,
    parameter WORDS = 2,
    parameter WIDTH = 8,
    parameter PARTS = (WIDTH + 31) / 32,
    parameter PART_BITS = PARTS > 1 ? $clog2(PARTS) : 0,
    parameter BITS = WORDS > 1 ? $clog2(WORDS) : 1
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  write,
    input  wire [PLACE_BITS-1:0] place,
    input  wire [31:0]           data,
    output wire                  write_known,
    input  wire [PLACE_BITS-1:0] read_place,
    output wire                  read_known,
    output reg                   store_write,
    output reg  [BITS-1:0]       store_place,
    output reg  [WIDTH-1:0]      store_data
);

    localparam INDEX_BITS = REGION_BITS - PART_BITS;
    localparam TOP_BITS = PLACE_BITS - REGION_BITS;
    localparam LAST = PARTS - 1;
    localparam [31:0] HERE = REGION;
    localparam [31:0] LIMIT = WORDS;

    wire last;

    // Whether a place is a word's, and a part's that it has.
    wire [INDEX_BITS-1:0] index = place[REGION_BITS-1:PART_BITS];
    wire [INDEX_BITS-1:0] read_index = read_place[REGION_BITS-1:PART_BITS];
    wire here = place[PLACE_BITS-1:REGION_BITS] == HERE[TOP_BITS-1:0] && {1'b0, index} < LIMIT[INDEX_BITS:0];
    wire read_here = read_place[PLACE_BITS-1:REGION_BITS] == HERE[TOP_BITS-1:0] && {1'b0, read_index} < LIMIT[INDEX_BITS:0];

    generate
        if (PARTS == 1) begin : g_one
            assign write_known = here;
            assign read_known = read_here;
            assign last = 1'b1;
            always @(posedge clk) if (write & here) store_data <= data[WIDTH-1:0];
            if (WIDTH < 32) begin : g_spare
                wire unused = &{1'b0, data[31:WIDTH]};
            end
        end else begin : g_parts
            localparam [31:0] END = LAST;
            wire [PART_BITS-1:0] part = place[PART_BITS-1:0];
            wire [PART_BITS-1:0] read_part = read_place[PART_BITS-1:0];
            if (PARTS == 1 << PART_BITS) begin : g_full
                wire unused = &{1'b0, read_part};
                assign write_known = here;
                assign read_known = read_here;
            end else begin : g_some
                assign write_known = here && part <= END[PART_BITS-1:0];
                assign read_known = read_here && read_part <= END[PART_BITS-1:0];
            end
            assign last = part == END[PART_BITS-1:0];
            reg [32*LAST-1:0] held;
            genvar k;
            for (k = 0; k < LAST; k = k + 1) begin : g_held
                always @(posedge clk) if (write & here && part == k) held[32*k+:32] <= data;
            end
            always @(posedge clk) begin
                if (write & write_known & last) store_data <= {data[WIDTH-32*LAST-1:0], held};
            end
            if (WIDTH < 32 * PARTS) begin : g_spare
                wire unused = &{1'b0, data[31:WIDTH-32*LAST]};
            end
        end

        if (INDEX_BITS > BITS) begin : g_index
            wire unused = &{1'b0, index[INDEX_BITS-1:BITS]};
        end
    endgenerate

    always @(posedge clk) begin
        store_write <= write & write_known & last & ~rst;
        store_place <= index[BITS-1:0];
    end

endmodule

`default_nettype wire
