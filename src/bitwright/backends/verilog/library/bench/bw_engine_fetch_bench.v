// bw_engine_fetch and bw_engine_weights before bw_bench_memory: runs of words come in complete and in order.
//
// Runs of random length, from random bursts to random places, are asked for as soon as there is room, every fourth for
// words of features; memory takes addresses and answers at random. The bench writes down what each place must hold, and
// reads all places when nothing is under way any more; words of features are checked as they arrive. It fails at a
// wrong word, a burst that AXI4 forbids, or when nothing comes.
//
//     $ iverilog -g2005 -s bw_engine_fetch_bench -o bench.vvp bw_engine_fetch_bench.v ../bw_*.v && vvp bench.vvp

`default_nettype none

module bw_engine_fetch_bench;

    parameter DATA = 32;
    parameter BURST = 4;
    parameter WIDTH = 80;
    parameter WORDS = 64;
    parameter OUTSTANDING = 4;
    parameter ROUNDS = 60;
    parameter PARTS = 2;
    localparam SLICES = (WIDTH + DATA - 1) / DATA;
    localparam FIELD = 12;
    localparam BEATS = 1024;

    reg clk, rst, start, accepts, answers, features;
    reg [FIELD-1:0] from, beats, runs, place;
    wire arrived, awready, wready, bvalid;
    wire [1:0] bresp;
    wire [PARTS*DATA-1:0] part;
    wire room, fault, wrong;
    wire [1:0] under_way;
    wire [31:0] araddr;
    wire [7:0] arlen;
    wire [2:0] arsize, arprot;
    wire [1:0] arburst, rresp;
    wire [3:0] arcache;
    wire arvalid, arready, rlast, rvalid, rready;
    wire [DATA-1:0] rdata, write_data;
    wire [SLICES-1:0] write;
    wire [FIELD-1:0] write_place;
    reg [5:0] index;
    wire [WIDTH-1:0] word;

    bw_engine_fetch #(.DATA(DATA), .BURST(BURST), .SLICES(SLICES), .PARTS(PARTS), .FIELD(FIELD)) fetcher (
        .clk(clk), .rst(rst), .base(32'd0), .start(start), .room(room), .from(from), .beats(beats), .place(place),
        .runs(runs), .features(features), .arrived(arrived), .word(part), .under_way(under_way), .fault(fault), .m_axi_araddr(araddr), .m_axi_arlen(arlen), .m_axi_arsize(arsize),
        .m_axi_arburst(arburst), .m_axi_arcache(arcache), .m_axi_arprot(arprot), .m_axi_arvalid(arvalid),
        .m_axi_arready(arready), .m_axi_rdata(rdata), .m_axi_rresp(rresp), .m_axi_rlast(rlast), .m_axi_rvalid(rvalid),
        .m_axi_rready(rready), .write(write), .write_place(write_place), .write_data(write_data)
    );
    bw_bench_memory #(.DATA(DATA), .BEATS(BEATS), .OUTSTANDING(OUTSTANDING), .LATENCY(7)) memory (
        .clk(clk), .rst(rst), .accepts(accepts), .answers(answers), .wrong(wrong), .araddr(araddr), .arlen(arlen),
        .arvalid(arvalid), .arready(arready), .rdata(rdata), .rresp(rresp), .rlast(rlast), .rvalid(rvalid),
        .rready(rready), .awaddr(32'd0), .awlen(8'd0), .awvalid(1'b0), .awready(awready), .wdata({DATA{1'b0}}),
        .wlast(1'b0), .wvalid(1'b0), .wready(wready), .bresp(bresp), .bvalid(bvalid), .bready(1'b1)
    );
    bw_engine_weights #(.WIDTH(WIDTH), .DATA(DATA), .WORDS(WORDS)) weights (
        .clk(clk), .write(write), .write_place(write_place[5:0]), .data(write_data), .index(index), .word(word)
    );

    reg [SLICES*DATA-1:0] expected [0:WORDS-1];
    reg [PARTS*DATA-1:0] arrivals [0:8191];
    integer seed, rounds, cycles, i, j, words, row, given, received;
    reg failed, taken;

    initial begin
        clk = 1'b0;
        rst = 1'b1;
        start = 1'b0;
        accepts = 1'b1;
        answers = 1'b1;
        seed = 3;
        rounds = 0;
        given = 0;
        received = 0;
        failed = 1'b0;
        for (i = 0; i < BEATS; i = i + 1) memory.memory[i] = $random(seed);
        for (i = 0; i < WORDS; i = i + 1) expected[i] = {SLICES*DATA{1'bx}};
        repeat (3) tick;
        rst = 1'b0;
        for (cycles = 0; cycles < 20000 && rounds < ROUNDS; cycles = cycles + 1) begin
            if (!start) begin
                words = 1 + $unsigned($random(seed)) % 16;
                features = rounds % 4 == 3;
                runs = features ? 1 + rounds % 3 : 1;
                from = $unsigned($random(seed)) % (BEATS / BURST - 40);
                place = $unsigned($random(seed)) % (WORDS - words);
                beats = words * (features ? PARTS : SLICES);
                start = 1'b1;
            end
            #1 taken = room;
            tick;
            if (taken & features) begin
                for (row = 0; row < runs; row = row + 1)
                    for (i = 0; i < words; i = i + 1) begin
                        for (j = 0; j < PARTS; j = j + 1)
                            arrivals[given][j*DATA+:DATA] =
                                memory.memory[(from+row*((beats+BURST-1)/BURST))*BURST+i*PARTS+j];
                        given = given + 1;
                    end
                rounds = rounds + 1;
                start = 1'b0;
            end else if (taken) begin
                for (i = 0; i < words; i = i + 1)
                    for (j = 0; j < SLICES; j = j + 1)
                        expected[place+i][j*DATA+:DATA] = memory.memory[from*BURST+i*SLICES+j];
                rounds = rounds + 1;
                start = 1'b0;
            end
        end
        start = 1'b0;
        for (i = 0; i < 2000 && under_way != 2'd0; i = i + 1) tick;
        if (under_way != 2'd0 || received != given) fail("nothing comes");
        for (i = 0; i < WORDS; i = i + 1) begin
            index = i;
            tick;
            if (expected[i][0] !== 1'bx && word !== expected[i][WIDTH-1:0]) fail("a wrong word");
        end
        if (wrong || fault) fail("a burst that must not be");
        if (!failed) $display("PASS %0d runs, %0d cycles", rounds, cycles);
        $finish;
    end

    task tick;
        begin
            accepts = $unsigned($random(seed)) % 4 != 0;
            answers = $unsigned($random(seed)) % 4 != 0;
            #4 if (arrived === 1'b1) begin
                if (part !== arrivals[received]) fail("a wrong word of features");
                received = received + 1;
            end
            clk = 1'b1;
            #5 clk = 1'b0;
        end
    endtask

    task fail(input [8*40:1] what);
        begin
            $display("FAIL run %0d: %0s", rounds, what);
            failed = 1'b1;
        end
    endtask

endmodule

`default_nettype wire
