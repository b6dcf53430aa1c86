// A clock from the PLL, carries, tables, flip-flops of every kind, and a small memory.
module mixed(input wire clock, input wire x, input wire reset, output reg y);
  wire clk;
  PLLHERE
  reg [7:0] seen;
  reg [9:0] total, least;
  reg [3:0] place;
  reg [3:0] memory [0:15];
  reg [3:0] old;
  initial place = 0;
  always @(posedge clk) begin
    seen <= {seen[6:0], x};
    if (reset) begin total <= 0; least <= 10'd1023; end
    else if (seen[0]) begin
      total <= total + {2'd0, seen} - {6'd0, old};
      if (total < least) least <= total;
    end
    place <= place + 1;
    if (seen[1]) memory[place] <= seen[3:0] ^ total[3:0];
    old <= memory[place ^ 4'd5];
    case (seen[6:2])
      5'd3, 5'd7, 5'd11, 5'd22, 5'd29: y <= total[9] ^ least[2];
      5'd1, 5'd9: y <= ^total;
      5'd30: y <= old[1];
      default: y <= ^seen ^ old[3] ^ least[5];
    endcase
  end
endmodule
