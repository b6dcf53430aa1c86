# @NAME@ with @TOOL@: all of it, or the steps that are named.
#   @TOOL@ -f run_hls.tcl                                   csim, csynth
#   @TOOL@ -f run_hls.tcl -tclargs csim csynth cosim export
# The part has to be said in full (package, speed grade).
set part "@PART@"
set steps {csim csynth}
if {[info exists ::argv] && [llength $::argv] > 0} {
  set steps {}
  foreach word $::argv {
    if {[lsearch -exact {csim csynth cosim export} $word] >= 0} { lappend steps $word }
  }
}

open_project -reset @NAME@_prj
set_top @NAME@
add_files @NAME@.cpp -cflags "-std=c++14"
add_files -tb @NAME@_tb.cpp -cflags "-std=c++14"
add_files -tb @NAME@_in.dat
add_files -tb @NAME@_out.dat
open_solution -reset solution1
set_part $part
create_clock -period @PERIOD@ -name default

foreach step $steps {
  switch $step {
    csim { csim_design }
    csynth { csynth_design }
    cosim { cosim_design }
    export { export_design -format ip_catalog }
  }
}
exit
