# Libero SoC: makes the project of a module and, if asked for, builds it.
#   libero SCRIPT:run.tcl
#   libero SCRIPT:run.tcl "SCRIPT_ARGS:top <module> build"
# The part (die, package, speed and range) is told in facts.tcl.
source [file join [file dirname [file normalize [info script]]] arguments.tcl]
arguments {build}

set location [file join $here $top]
file delete -force $location
new_project -location $location -name $top -hdl VERILOG -family $family -die $die -package $package -speed $speed \
  -part_range $range
foreach source $sources($top) { create_links -hdl_source [file join $root $source] }
create_links -sdc [file join $root constraints $top.sdc]
copy_images [file join $location synthesis]
build_design_hierarchy
set_root -module ${top}::work
foreach tool {SYNTHESIZE PLACEROUTE VERIFYTIMING} {
  organize_tool_files -tool $tool -file [file join $root constraints $top.sdc] -module ${top}::work \
    -input_type constraint
}
if {$build} {
  foreach tool {SYNTHESIZE PLACEROUTE VERIFYTIMING} { run_tool -name $tool }
}
save_project
close_project
