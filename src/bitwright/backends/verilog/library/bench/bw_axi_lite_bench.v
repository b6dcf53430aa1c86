// bw_axi_lite, bw_load, bw_store, bw_constants: a memory of words of WIDTH bits written and read over AXI4-Lite.
//
// The master sends address and data in any order and takes answers late, at random. A model of the registers and of
// what waits for a word's last part says what must come; after every write the memory is read through `index`, and
// the same words as constants of a stream. Addresses go through the memory, its borders, and registers.
//
//     $ iverilog -g2005 -s bw_axi_lite_bench -o bench.vvp bw_axi_lite_bench.v ../bw_*.v && vvp bench.vvp

`default_nettype none

module bw_axi_lite_bench;

    parameter WIDTH = 70;
    parameter WORDS = 5;
    parameter RATE = 5;
    parameter WRITES = 600;
    localparam PARTS = (WIDTH + 31) / 32;
    localparam PART_BITS = PARTS > 1 ? $clog2(PARTS) : 0;
    localparam BITS = WORDS > 1 ? $clog2(WORDS) : 1;

    reg clk, rst, awvalid, wvalid, bready, arvalid, rready, frame;
    reg [15:0] awaddr, araddr;
    reg [31:0] wdata;
    reg [3:0] wstrb;
    wire awready, wready, bvalid, arready, rvalid, write, write_known, read_known, store_write;
    wire [1:0] bresp, rresp;
    wire [31:0] rdata, data;
    wire [13:0] place, read_place;
    wire [BITS-1:0] store_place;
    wire [WIDTH-1:0] store_data, word, constant;
    reg [BITS-1:0] index;
    reg go;

    bw_axi_lite #(.ADDRESS_BITS(16), .BUILD(32'h12345678)) slave (
        .clk(clk), .rst(rst), .s_awaddr(awaddr), .s_awvalid(awvalid), .s_awready(awready), .s_wdata(wdata),
        .s_wstrb(wstrb), .s_wvalid(wvalid), .s_wready(wready), .s_bresp(bresp), .s_bvalid(bvalid), .s_bready(bready),
        .s_araddr(araddr), .s_arvalid(arvalid), .s_arready(arready), .s_rdata(rdata), .s_rresp(rresp),
        .s_rvalid(rvalid), .s_rready(rready), .frame(frame), .write(write), .place(place), .data(data),
        .write_known(write_known), .read_place(read_place), .read_known(read_known)
    );
    bw_load #(.PLACE_BITS(14), .REGION_BITS(10), .REGION(3), .WORDS(WORDS), .WIDTH(WIDTH)) load (
        .clk(clk), .rst(rst), .write(write), .place(place), .data(data), .write_known(write_known),
        .read_place(read_place), .read_known(read_known), .store_write(store_write), .store_place(store_place),
        .store_data(store_data)
    );
    bw_store #(.WIDTH(WIDTH), .WORDS(WORDS)) store (
        .clk(clk), .write(store_write), .place(store_place), .data(store_data), .index(index), .word(word)
    );
    bw_constants #(.WIDTH(WIDTH), .WORDS(WORDS)) constants (
        .clk(clk), .rst(rst), .go(go), .write(store_write), .place(store_place), .data(store_data), .word(constant)
    );

    reg [WIDTH-1:0] model [0:WORDS-1];
    reg [32*PARTS-1:0] held;
    integer seed, number, n, part, at, stream, frames;
    reg failed, known;

    task tick;
        begin
            #5 clk = 1'b1;
            #5 clk = 1'b0;
        end
    endtask

    task fail(input [8*40:1] what);
        begin
            $display("FAIL write %0d, address %h: %0s", number, awaddr, what);
            failed = 1'b1;
        end
    endtask

    function [15:0] address(input integer dummy);
        begin
            case ($unsigned($random(seed)) % 8)
                0: address = $unsigned($random(seed)) % 64;
                1: address = 16'h3000 + 4 * (($unsigned($random(seed)) % 4) + (WORDS << PART_BITS) - 2);
                2: address = $random(seed);
                default: address = 16'h3000 + 4 * ($unsigned($random(seed)) % (WORDS << PART_BITS));
            endcase
        end
    endfunction

    // One write: address and data each come when they like, the answer is taken when the master likes.
    task send;
        reg sent_address, sent_data, answered;
        begin
            sent_address = 1'b0;
            sent_data = 1'b0;
            answered = 1'b0;
            while (!answered && !failed) begin
                awvalid = awvalid | (!sent_address & ($unsigned($random(seed)) % 8 < RATE));
                wvalid = wvalid | (!sent_data & ($unsigned($random(seed)) % 8 < RATE));
                bready = $unsigned($random(seed)) % 8 < RATE;
                #1;
                if (bvalid && !(sent_address && sent_data)) fail("an answer before the write");
                if (awready && !awvalid || wready && !wvalid) fail("ready for nothing");
                sent_address = sent_address | awvalid & awready;
                sent_data = sent_data | wvalid & wready;
                answered = bvalid & bready;
                if (answered && bresp !== (known && &wstrb ? 2'b00 : 2'b10)) fail("wrong answer");
                tick;
                if (sent_address) awvalid = 1'b0;
                if (sent_data) wvalid = 1'b0;
            end
            bready = 1'b0;
        end
    endtask

    task ask(input [15:0] where, input [31:0] value, input [1:0] answer);
        reg answered;
        begin
            araddr = where;
            arvalid = 1'b1;
            answered = 1'b0;
            while (!answered && !failed) begin
                rready = $unsigned($random(seed)) % 8 < RATE;
                #1 answered = rvalid & rready;
                if (answered && (rdata !== value || rresp !== answer)) fail("wrong word read");
                if (arready) begin
                    tick;
                    arvalid = 1'b0;
                end else tick;
            end
            rready = 1'b0;
        end
    endtask

    initial begin
        {clk, awvalid, wvalid, bready, arvalid, rready, frame, go, failed} = 9'd0;
        rst = 1'b1;
        awaddr = 0;
        araddr = 0;
        wdata = 0;
        wstrb = 0;
        index = 0;
        seed = 1;
        stream = 0;
        frames = 0;
        held = 0;
        repeat (3) tick;
        rst = 1'b0;
        // Every word once, so that nothing is undefined.
        for (number = 0; number < WRITES + (WORDS << PART_BITS) && !failed; number = number + 1) begin
            awaddr = number < WORDS << PART_BITS ? 16'h3000 + 4 * number : address(0);
            wdata = $random(seed);
            wstrb = number < WORDS << PART_BITS || $unsigned($random(seed)) % 8 ? 4'hf : $random(seed);
            at = (awaddr - 16'h3000) >> 2;
            part = at & ((1 << PART_BITS) - 1);
            at = at >> PART_BITS;
            known = awaddr >= 16'h3000 && awaddr < 16'h4000 && at < WORDS && part < PARTS;
            send;
            if (known && &wstrb) begin
                held[32*part+:32] = wdata;
                if (part == PARTS - 1) model[at] = held[WIDTH-1:0];
            end
            repeat (2) tick;
            if (number >= (WORDS << PART_BITS) - 1) begin
                for (n = 0; n < WORDS; n = n + 1) begin
                    index = n;
                    go = $random(seed);
                    #1 if (constant !== model[stream]) fail("a constant is not what was written");
                    if (go) stream = (stream + 1) % WORDS;
                    tick;
                    if (word !== model[n]) fail("a word is not what was written");
                end
                go = 1'b0;
            end
            frame = $random(seed);
            frames = frames + frame;
            tick;
            frame = 1'b0;
            case (number % 5)
                0: ask(16'h0000, 32'h42575254, 2'b00);
                1: ask(16'h0004, 32'd1, 2'b00);
                2: ask(16'h0008, 32'h12345678, 2'b00);
                3: ask(16'h000c, frames, 2'b00);
                default: ask(known ? awaddr : 16'h0010, 32'd0, known ? 2'b00 : 2'b10);
            endcase
        end
        if (!failed) $display("PASS %0d writes", number);
        $finish;
    end

endmodule

`default_nettype wire
