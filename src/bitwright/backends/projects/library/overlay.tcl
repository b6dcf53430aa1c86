# The network beside the processor of a Zynq: AXI DMA for the streams, AXI4-Lite where there is control, and the way
# to memory of a network whose weights lie there.
#   vivado -mode batch -source overlay.tcl
#   vivado -mode batch -source overlay.tcl -tclargs build      also network.bit and network.hwh, beside this file
source [file join [file dirname [file normalize [info script]]] arguments.tcl]
arguments {build}

create_project -force overlay [file join $here overlay] -part $part
foreach source $sources($top) { add_files -norecurse [file join $root $source] }
foreach source $own { add_files -norecurse [file join $root $source] }
foreach image $images($top) { add_files -norecurse [file join $root $image] }
update_compile_order -fileset sources_1

create_bd_design system
if {[string match xc7z* $part]} {
  set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7 ps]
  apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \
    -config {make_external "FIXED_IO, DDR" apply_board_preset "0"} $ps
  set_property -dict [list CONFIG.PCW_USE_S_AXI_HP0 1 CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $clock_mhz] $ps
  set master ps/M_AXI_GP0
  set memory ps/S_AXI_HP0
  set ps_clock ps/FCLK_CLK0
  set ps_reset ps/FCLK_RESET0_N
} else {
  set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:zynq_ultra_ps_e ps]
  set_property -dict [list CONFIG.PSU__USE__S_AXI_GP2 1 CONFIG.PSU__USE__M_AXI_GP0 1 CONFIG.PSU__USE__M_AXI_GP1 0 \
    CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $clock_mhz] $ps
  set master ps/M_AXI_HPM0_FPD
  set memory ps/S_AXI_HP0_FPD
  set ps_clock ps/pl_clk0
  set ps_reset ps/pl_resetn0
}
create_bd_cell -type module -reference $wrapper network
create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset resets
connect_bd_net [get_bd_pins $ps_clock] [get_bd_pins resets/slowest_sync_clk] [get_bd_pins network/aclk]
connect_bd_net [get_bd_pins $ps_reset] [get_bd_pins resets/ext_reset_in]
connect_bd_net [get_bd_pins resets/peripheral_aresetn] [get_bd_pins network/aresetn]

# One engine for the n-th stream in and the n-th stream out; a transfer is a batch of frames. Its way to memory is at
# least as wide as its stream.
set engines [expr {max([llength $ins], [llength $outs])}]
for {set k 0} {$k < $engines} {incr k} {
  set dma [create_bd_cell -type ip -vlnv xilinx.com:ip:axi_dma dma_$k]
  set in [lindex $ins $k]
  set out [lindex $outs $k]
  set_property -dict [list CONFIG.c_include_sg 0 CONFIG.c_sg_length_width 26 \
    CONFIG.c_include_mm2s [expr {$in ne ""}] CONFIG.c_include_s2mm [expr {$out ne ""}]] $dma
  if {$in ne ""} {
    set_property CONFIG.c_m_axi_mm2s_data_width [expr {max(32, 8 * $bytes($in))}] $dma
    set_property CONFIG.c_m_axis_mm2s_tdata_width [expr {8 * $bytes($in)}] $dma
    connect_bd_intf_net [get_bd_intf_pins dma_$k/M_AXIS_MM2S] [get_bd_intf_pins network/$in]
  }
  if {$out ne ""} {
    set_property CONFIG.c_m_axi_s2mm_data_width [expr {max(32, 8 * $bytes($out))}] $dma
    connect_bd_intf_net [get_bd_intf_pins network/$out] [get_bd_intf_pins dma_$k/S_AXIS_S2MM]
  }
}

# Vivado's own rule places interconnects, clocks and resets between a manager and a subordinate.
proc joined {from to} {
  apply_bd_automation -rule xilinx.com:bd_rule:axi4 -config [list Clk_master Auto Clk_slave Auto Clk_xbar Auto \
    Master /$from Slave /$to ddr_seg Auto intc_ip Auto master_apm 0] [get_bd_intf_pins $to]
}
for {set k 0} {$k < $engines} {incr k} {
  joined $master dma_$k/S_AXI_LITE
  if {[lindex $ins $k] ne ""} { joined dma_$k/M_AXI_MM2S $memory }
  if {[lindex $outs $k] ne ""} { joined dma_$k/M_AXI_S2MM $memory }
}
if {[lsearch -exact $buses($top) s_axil] >= 0} { joined $master network/s_axil }
if {[lsearch -exact $buses($top) m_axi] >= 0} { joined network/m_axi $memory }
assign_bd_address
validate_bd_design
save_bd_design

set design [get_files system.bd]
add_files -norecurse [make_wrapper -files $design -top]
set_property top system_wrapper [current_fileset]
if {$build} {
  launch_runs impl_1
  wait_on_run impl_1
  open_run impl_1
  write_bitstream -force [file join $here network.bit]
  # What PYNQ reads about the block design; its folder has had two names.
  set handoffs [glob -nocomplain -directory [file join $here overlay] overlay.*/sources_1/bd/system/hw_handoff/*.hwh]
  foreach handoff $handoffs { file copy -force $handoff [file join $here network.hwh] }
}
close_project
