"""Files from programs: Verilog, C++ and vendor projects."""
