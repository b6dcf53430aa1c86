// bw_vector, bw_rom, bw_accumulate (and bw_count): folded products of vectors with matrices that take turns.
//
// Weights are 0, 1, 2, ... in the order (group, block, fold), from a memory image of the numbers from 0 up; elements
// are 8 bits, a word has one. Total n is the product of vector n / BLOCKS with block n % BLOCKS of its matrix.
//
//     $ iverilog -g2005 -s bw_vector_bench -o bench.vvp bw_vector_bench.v ../bw_*.v && vvp bench.vvp

`default_nettype none

module bw_vector_bench;

    parameter FOLDS = 4;
    parameter BLOCKS = 3;
    parameter GROUPS = 2;
    parameter BLOCK = 0;
    localparam WORDS = FOLDS * BLOCKS * GROUPS;
    localparam BITS = WORDS > 1 ? $clog2(WORDS) : 1;

    reg clk, rst, in_valid, out_ready;
    reg [7:0] in_head;
    wire in_pop, out_take, go, first, last, done;
    wire [7:0] x, weight;
    wire [BITS-1:0] index;
    wire [23:0] total;
    wire [23:0] product = $signed(x) * $signed({1'b0, weight});

    bw_vector #(.WIDTH(8), .FOLDS(FOLDS), .BLOCKS(BLOCKS), .GROUPS(GROUPS)) vector (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .x(x), .go(go), .first(first), .last(last), .index(index)
    );
    bw_rom #(.WIDTH(8), .WORDS(WORDS), .BLOCK(BLOCK), .FILE("bw_vector_bench.hex")) rom (
        .clk(clk), .index(index), .word(weight)
    );
    bw_accumulate #(.IN(24), .OUT(24)) accumulate (
        .clk(clk), .rst(rst), .x(product), .go(go), .first(first), .last(last), .total(total), .done(done)
    );

    function signed [7:0] element(input integer n);
        element = (n + 1) * 32'd2654435761 >> 13;
    endfunction

    integer seed, cycles, read, number, fold, weight_of, wanted;
    reg failed, popped;
    initial begin
        clk = 1'b0;
        rst = 1'b1;
        in_valid = 1'b0;
        out_ready = 1'b0;
        read = 0;
        number = 0;
        seed = 1;
        failed = 1'b0;
        repeat (4) begin
            #5 clk = 1'b1;
            #5 clk = 1'b0;
        end
        rst = 1'b0;
        for (cycles = 0; cycles < 10000 && number < 100 && !failed; cycles = cycles + 1) begin
            in_valid = $unsigned($random(seed)) % 8 < 5;
            out_ready = $unsigned($random(seed)) % 8 < 5;
            in_head = element(read);
            #4 popped = in_pop;
            if (popped && !in_valid) failed = 1'b1;
            if (done) begin
                wanted = 0;
                for (fold = 0; fold < FOLDS; fold = fold + 1) begin
                    weight_of = number % (BLOCKS * GROUPS) * FOLDS + fold;
                    wanted = wanted + element(number / BLOCKS * FOLDS + fold) * weight_of;
                end
                if (total !== wanted[23:0]) begin
                    $display("FAIL total %0d: %0d instead of %0d", number, $signed(total), wanted);
                    failed = 1'b1;
                end
                number = number + 1;
            end
            #1 clk = 1'b1;
            #1 read = read + popped;
            #4 clk = 1'b0;
        end
        if (!failed && number == 100) $display("PASS %0d totals, %0d cycles", number, cycles);
        else $display("FAIL");
        $finish;
    end

endmodule

`default_nettype wire
