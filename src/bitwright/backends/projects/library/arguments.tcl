# What the scripts beside this file have in common: the design's facts, and the words behind the script's name.

# The words `top <module>`, `part <part>` and any of `flags` (0 or 1 then), into variables of the caller.
proc arguments {flags} {
  global argv quartus tops part
  upvar 1 top top
  set top [lindex $tops 0]
  foreach flag $flags { upvar 1 $flag told_$flag; set told_$flag 0 }
  set words {}
  if {[info exists argv]} { set words $argv }
  if {[info exists quartus(args)]} { set words $quartus(args) }
  while {[llength $words] > 0} {
    set words [lassign $words word]
    switch -- $word {
      top { set words [lassign $words top] }
      part { set words [lassign $words part] }
      default {
        if {[lsearch -exact $flags $word] < 0} { error "unknown word $word: use top <module>, part <part>, $flags" }
        set told_$word 1
      }
    }
  }
  if {[lsearch -exact $tops $top] < 0} { error "no module $top: use one of $tops" }
}

# Verilog reads memory contents by bare name: they have to lie where a tool runs.
proc copy_images {folder} {
  global here root images
  upvar 1 top top
  file mkdir $folder
  foreach image $images($top) { file copy -force [file join $root $image] $folder }
}

set here [file dirname [file normalize [info script]]]
set root [file normalize [file join $here .. ..]]
source [file join $here facts.tcl]
