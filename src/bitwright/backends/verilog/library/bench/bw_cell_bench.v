// bw_cell with bw_feedback: rows of XFOLDS words and of what BLOCKS blocks gave back a row before.
//
// A block gives back the sum of its row's words and of BLOCKS * number of the block, LATE cycles after its last step.
// What a step shows (x, and behind it the index that it read weights at) is compared with the same, computed anew.
//
//     $ iverilog -g2005 -s bw_cell_bench -o bench.vvp bw_cell_bench.v bw_front_driver.v ../bw_*.v
//     $ vvp bench.vvp

`default_nettype none

module bw_cell_bench;

    parameter XFOLDS = 2;
    parameter BLOCKS = 3;
    parameter LATE = 4;
    parameter ROWS = 3;
    parameter LAST = 0;
    // As ir.dataflow.cell counts it, with LATE cycles in place of netlists and accumulator.
    localparam IDLE = LATE + 2 > XFOLDS + BLOCKS ? LATE + 2 - XFOLDS - BLOCKS : 0;
    localparam FOLDS = XFOLDS + BLOCKS;
    localparam INDEX_BITS = $clog2(FOLDS * BLOCKS);

    reg clk, rst, in_valid, out_ready;
    wire [7:0] in_head, x;
    wire in_pop, out_take, go, first, last, tell, back;
    wire [INDEX_BITS-1:0] index;
    wire [7:0] part;

    bw_cell #(
        .XWIDTH(8), .HWIDTH(8), .WIDTH(8), .XFOLDS(XFOLDS), .BLOCKS(BLOCKS), .IDLE(IDLE), .ROWS(ROWS), .LAST(LAST),
        .INITIAL(8'd9)
    ) dut (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .x(x), .go(go), .first(first), .last(last), .tell(tell), .index(index), .back(back),
        .part(part)
    );

    function [7:0] element(input integer n);
        element = (n + 1) * 32'd2654435761 >> 13;
    endfunction

    // What each block of a row gives back, a few rows deep.
    reg [7:0] given [0:63];
    integer n, row, block, fold, k, steps, wrong, told, seed, cycles, read;
    reg [7:0] sum, wanted;
    reg popped;

    assign in_head = element(read);

    // The sum of a block, LATE cycles after its last step.
    reg [7:0] total;
    reg [1:0] number;
    always @(posedge clk) begin
        if (rst) number <= 2'd0;
        else if (go & last) number <= number == BLOCKS - 1 ? 2'd0 : number + 2'd1;
        if (go) total <= first ? x : total + x;
    end
    wire [7:0] ended = (first ? 8'd0 : total) + x + 8'd16 * number;
    bw_valid #(.LATENCY(LATE - 1)) u_back (.clk(clk), .rst(rst), .in_valid(go & last), .out_valid(back));
    bw_delay #(.WIDTH(8), .CYCLES(LATE - 1)) u_part (.clk(clk), .data(ended), .late(part));

    initial begin
        clk = 1'b0;
        rst = 1'b1;
        in_valid = 1'b0;
        out_ready = 1'b0;
        seed = 1;
        steps = 0;
        wrong = 0;
        told = 0;
        read = 0;
        repeat (4) begin
            #5 clk = 1'b1;
            #5 clk = 1'b0;
        end
        rst = 1'b0;
        for (cycles = 0; cycles < 10000 && steps < 600; cycles = cycles + 1) begin
            in_valid = $unsigned($random(seed)) % 8 < 5;
            out_ready = $unsigned($random(seed)) % 8 < 5;
            #4 popped = in_pop;
            if ((popped && !in_valid) || (out_take && !out_ready)) wrong = wrong + 1;
            if (go) begin
                row = steps / (FOLDS * BLOCKS);
                block = steps / FOLDS % BLOCKS;
                fold = steps % FOLDS;
                if (fold == 0) sum = 8'd0;
                if (fold < XFOLDS) wanted = element(row * XFOLDS + fold);
                else if (row % ROWS == 0) wanted = 8'd9;
                else wanted = given[(row - 1) % 2 * 8 + fold - XFOLDS];
                sum = sum + wanted;
                if (x !== wanted || first !== (fold == 0) || last !== (fold == FOLDS - 1)) begin
                    if (wrong == 0) $display("row %0d block %0d fold %0d: %0d and not %0d", row, block, fold, x, wanted);
                    wrong = wrong + 1;
                end
                if (tell !== (fold == FOLDS - 1 && (LAST == 0 || row % ROWS == ROWS - 1))) wrong = wrong + 1;
                if (fold == FOLDS - 1) given[row % 2 * 8 + block] = sum + 16 * block;
                told = told + tell;
                steps = steps + 1;
            end
            #1 clk = 1'b1;
            #1 read = read + popped;
            #4 clk = 1'b0;
        end
        if (wrong == 0 && steps == 600) $display("PASS %0d steps, %0d words, %0d cycles", steps, told, cycles);
        else $display("FAIL %0d wrong of %0d steps", wrong, steps);
        $finish;
    end

endmodule

`default_nettype wire
