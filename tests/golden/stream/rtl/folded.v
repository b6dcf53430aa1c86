// Written for a test.
//
// folded: a streaming network of 3 actors.
//     s_axis: 16, words of 4 elements (10 bits), 4 a frame
//     m_axis: 5, words of 5 elements (25 bits), 1 a frame
// Words carry elements in C order, the first one lowest, without gaps; TLAST ends a frame. The reset
// is synchronous and active low; it clears counters and flags, not data. See docs/streams.md.

`default_nettype none

module folded (
    input  wire        aclk,
    input  wire        aresetn,
    input  wire [15:0] s_axis_tdata,
    input  wire        s_axis_tvalid,
    output wire        s_axis_tready,
    input  wire        s_axis_tlast,
    output wire [31:0] m_axis_tdata,
    output wire        m_axis_tvalid,
    input  wire        m_axis_tready,
    output wire        m_axis_tlast
);

    wire rst = ~aresetn;

    // Source pixels
    wire pixels_to_fc1_ready;
    wire pixels_ready;
    wire pixels_take;
    wire pixels_push;
    wire [9:0] pixels_data;
    assign pixels_ready = pixels_to_fc1_ready;

    bw_source #(.WIDTH(10)) pixels_source (
        .clk(aclk), .rst(rst), .s_tvalid(s_axis_tvalid), .s_tready(s_axis_tready),
        .s_tdata(s_axis_tdata[9:0]), .ready(pixels_ready), .take(pixels_take), .push(pixels_push),
        .data(pixels_data)
    );

    // frames are counted, and the last byte is filled
    wire pixels_spare_unused = &{1'b0, s_axis_tlast, s_axis_tdata[15:10]};
    wire pixels_to_fc1_valid;
    wire [9:0] pixels_to_fc1_head;
    wire pixels_to_fc1_pop;

    bw_channel #(.WIDTH(10), .DEPTH(2), .BLOCK(0)) pixels_to_fc1_channel (
        .clk(aclk), .rst(rst), .ready(pixels_to_fc1_ready), .take(pixels_take), .push(pixels_push),
        .data(pixels_data), .valid(pixels_to_fc1_valid), .head(pixels_to_fc1_head),
        .pop(pixels_to_fc1_pop)
    );

    // MatVec fc1
    wire fc1_to_wider_ready;
    wire fc1_ready;
    wire fc1_take;
    wire fc1_push;
    wire [9:0] fc1_data;
    assign fc1_ready = fc1_to_wider_ready;

    folded_fc1 fc1_actor (
        .clk(aclk), .rst(rst), .in_valid(pixels_to_fc1_valid), .in_head(pixels_to_fc1_head),
        .in_pop(pixels_to_fc1_pop), .out_ready(fc1_ready), .out_take(fc1_take), .out_push(fc1_push),
        .out_data(fc1_data)
    );
    wire fc1_to_wider_valid;
    wire [9:0] fc1_to_wider_head;
    wire fc1_to_wider_pop;

    bw_channel #(.WIDTH(10), .DEPTH(3), .BLOCK(0)) fc1_to_wider_channel (
        .clk(aclk), .rst(rst), .ready(fc1_to_wider_ready), .take(fc1_take), .push(fc1_push),
        .data(fc1_data), .valid(fc1_to_wider_valid), .head(fc1_to_wider_head), .pop(fc1_to_wider_pop)
    );

    // Convert wider
    wire wider_to_fc2_ready;
    wire wider_ready;
    wire wider_take;
    wire wider_push;
    wire [29:0] wider_data;
    assign wider_ready = wider_to_fc2_ready;

    folded_wider wider_actor (
        .clk(aclk), .rst(rst), .in_valid(fc1_to_wider_valid), .in_head(fc1_to_wider_head),
        .in_pop(fc1_to_wider_pop), .out_ready(wider_ready), .out_take(wider_take),
        .out_push(wider_push), .out_data(wider_data)
    );
    wire wider_to_fc2_valid;
    wire [29:0] wider_to_fc2_head;
    wire wider_to_fc2_pop;

    bw_channel #(.WIDTH(30), .DEPTH(4), .BLOCK(0)) wider_to_fc2_channel (
        .clk(aclk), .rst(rst), .ready(wider_to_fc2_ready), .take(wider_take), .push(wider_push),
        .data(wider_data), .valid(wider_to_fc2_valid), .head(wider_to_fc2_head), .pop(wider_to_fc2_pop)
    );

    // MatVec fc2
    wire fc2_to_sink_ready;
    wire fc2_ready;
    wire fc2_take;
    wire fc2_push;
    wire [24:0] fc2_data;
    assign fc2_ready = fc2_to_sink_ready;

    folded_fc2 fc2_actor (
        .clk(aclk), .rst(rst), .in_valid(wider_to_fc2_valid), .in_head(wider_to_fc2_head),
        .in_pop(wider_to_fc2_pop), .out_ready(fc2_ready), .out_take(fc2_take), .out_push(fc2_push),
        .out_data(fc2_data)
    );
    wire fc2_to_sink_valid;
    wire [24:0] fc2_to_sink_head;
    wire fc2_to_sink_pop;

    bw_channel #(.WIDTH(25), .DEPTH(2), .BLOCK(0)) fc2_to_sink_channel (
        .clk(aclk), .rst(rst), .ready(fc2_to_sink_ready), .take(fc2_take), .push(fc2_push),
        .data(fc2_data), .valid(fc2_to_sink_valid), .head(fc2_to_sink_head), .pop(fc2_to_sink_pop)
    );

    // output fc2

    bw_sink #(.WIDTH(25), .WORDS(1)) fc2_to_sink_end (
        .clk(aclk), .rst(rst), .valid(fc2_to_sink_valid), .head(fc2_to_sink_head),
        .pop(fc2_to_sink_pop), .m_tvalid(m_axis_tvalid), .m_tready(m_axis_tready),
        .m_tlast(m_axis_tlast), .m_tdata(m_axis_tdata[24:0])
    );
    assign m_axis_tdata[31:25] = 7'd0;

endmodule

`default_nettype wire
