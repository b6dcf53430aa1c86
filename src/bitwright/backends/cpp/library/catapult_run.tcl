# @NAME@ with Catapult: catapult -shell -file run.tcl
solution new -state initial
solution options defaults
solution options set /Input/CppStandard c++17
solution file add ./@NAME@.cpp -type C++
solution file add ./@NAME@_tb.cpp -type C++ -exclude true
go analyze
solution design set @NAME@ -top
go compile
# Say the part and its library: solution library add ... (here: @PART@)
go libraries
directive set -CLOCKS {clk {-CLOCK_PERIOD @PERIOD@}}
go assembly
@DIRECTIVES@
go architect
go allocate
go extract
exit
