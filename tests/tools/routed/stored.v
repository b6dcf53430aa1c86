// Block memories of three shapes, one of them with contents, and products.
module stored(input wire clock, input wire x, input wire reset, output reg y);
  wire clk;
  PLLHERE
  (* ram_style = "block" *) reg [8:0] narrow [0:1023];
  (* ram_style = "block" *) reg [35:0] wide [0:255];
  (* ram_style = "block" *) reg [15:0] rom [0:511];
  integer k;
  initial for (k = 0; k < 512; k = k + 1) rom[k] = k * 40503 + 9;
  reg [39:0] seen;
  reg [8:0] a; reg [35:0] b; reg [15:0] c;
  reg [9:0] place;
  reg signed [17:0] p; reg [15:0] q;
  initial place = 0;
  always @(posedge clk) begin
    seen <= {seen[38:0], x};
    place <= reset ? 10'd0 : place + 10'd1;
    if (seen[0]) narrow[place] <= seen[9:1];
    if (seen[1]) wide[place[7:0]] <= seen[37:2];
    a <= narrow[place ^ 10'd3];
    if (seen[2]) b <= wide[place[7:0] ^ 8'd5];
    c <= rom[seen[8:0]];
    p <= $signed(a) * $signed(c[8:0]);
    q <= b[7:0] * seen[12:5];
    y <= ^p ^ ^q ^ ^b ^ c[15];
  end
endmodule
