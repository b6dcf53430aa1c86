# Lattice Diamond: makes the project of a module and, if asked for, builds it.
#   diamondc run.tcl
#   diamondc run.tcl top <module> build
source [file join [file dirname [file normalize [info script]]] arguments.tcl]
arguments {build}

file delete -force [file join $here $top]
file mkdir [file join $here $top]
cd [file join $here $top]
prj_project new -name $top -impl impl1 -dev $part -synthesis synplify
foreach source $sources($top) { prj_src add [file join $root $source] }
prj_src add [file join $root constraints $top.sdc]
copy_images .
prj_impl option top $top
prj_impl option {include path} [file join $root rtl]
prj_project save
if {$build} {
  foreach step {Synthesis Map PAR} { prj_run $step -impl impl1 }
}
prj_project close
