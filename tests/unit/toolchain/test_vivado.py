"""Reports in the form in which Vivado writes them become numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.project_designs import architecture

from bitwright.core.errors import ParseError, StorageError
from bitwright.toolchain.families import Counts
from bitwright.toolchain.vivado import read_timing, read_utilization, read_vivado

_HEAD = """\
Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.
---------------------------------------------------------------------------------------------------------------------
| Tool Version : Vivado v.2023.2 (lin64) Build 4029153 Fri Oct 13 20:13:54 MDT 2023
| Date         : Fri Jan 24 16:49:35 2025
| Host         : host running 64-bit Ubuntu 22.04.5 LTS
| Command      : report_utilization -file synth_utilization.rpt
| Design       : jets
| Device       : {part}
| Speed File   : -2
| Design State : {state}
---------------------------------------------------------------------------------------------------------------------

Utilization Design Information

1. {kind} Logic
--------------

"""

SERIES_7 = (
    _HEAD.format(part="xc7a35tcpg236-1", state="Synthesized", kind="Slice")
    + """\
+----------------------------+------+-------+------------+-----------+-------+
|          Site Type         | Used | Fixed | Prohibited | Available | Util% |
+----------------------------+------+-------+------------+-----------+-------+
| Slice LUTs*                | 1340 |     0 |          0 |     20800 |  6.44 |
|   LUT as Logic             | 1300 |     0 |          0 |     20800 |  6.25 |
|   LUT as Memory            |   40 |     0 |          0 |      9600 |  0.42 |
|     LUT as Distributed RAM |    8 |     0 |            |           |       |
|     LUT as Shift Register  |   32 |     0 |            |           |       |
| Slice Registers            |  721 |     0 |          0 |     41600 |  1.73 |
|   Register as Flip Flop    |  721 |     0 |          0 |     41600 |  1.73 |
| F7 Muxes                   |    5 |     0 |          0 |     16300 |  0.03 |
| F8 Muxes                   |    2 |     0 |          0 |      8150 | <0.01 |
+----------------------------+------+-------+------------+-----------+-------+
* Warning! The Final LUT count, after physical optimizations and full implementation, is typically lower.

2. Memory
---------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    |  1.5 |     0 |          0 |        50 |  3.00 |
|   RAMB36/FIFO*    |    1 |     0 |          0 |        50 |  2.00 |
|   RAMB18          |    1 |     0 |          0 |       100 |  1.00 |
+-------------------+------+-------+------------+-----------+-------+

3. DSP
------

+----------------+------+-------+------------+-----------+-------+
|    Site Type   | Used | Fixed | Prohibited | Available | Util% |
+----------------+------+-------+------------+-----------+-------+
| DSPs           |    3 |     0 |          0 |        90 |  3.33 |
|   DSP48E1 only |    3 |       |            |           |       |
+----------------+------+-------+------------+-----------+-------+

7. Primitives
-------------

+----------+------+---------------------+
| Ref Name | Used | Functional Category |
+----------+------+---------------------+
| LUT6     |  580 |                 LUT |
| CARRY4   |  134 |          CarryLogic |
+----------+------+---------------------+
"""
)

ULTRASCALE = (
    _HEAD.format(part="xcvu9p-flgb2104-2-i", state="Fully Routed", kind="CLB")
    + """\
+-------------------------+------+-------+------------+-----------+-------+
|        Site Type        | Used | Fixed | Prohibited | Available | Util% |
+-------------------------+------+-------+------------+-----------+-------+
| CLB LUTs                | 9477 |     0 |          0 |   1182240 |  0.80 |
|   LUT as Logic          | 9477 |     0 |          0 |   1182240 |  0.80 |
|   LUT as Memory         |    0 |     0 |          0 |    591840 |  0.00 |
| CLB Registers           | 3697 |     0 |          0 |   2364480 |  0.16 |
| CARRY8                  |  812 |     0 |          0 |    147780 |  0.55 |
| F7 Muxes                |    0 |     0 |          0 |    591120 |  0.00 |
+-------------------------+------+-------+------------+-----------+-------+

3. BLOCKRAM
-----------

| Block RAM Tile |    0 |     0 |          0 |      2160 |  0.00 |
| URAM           |    4 |     0 |          0 |       960 |  0.42 |

4. ARITHMETIC
-------------

| DSPs      |    0 |     0 |          0 |      6840 |  0.00 |
"""
)

TIMING = """\
------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints
    -------      -------  ---------------------  -------------------      -------      -------  ---------------------
     -0.501     -208.636                   1141                22940        0.019        0.000                      0


Timing constraints are not met.


------------------------------------------------------------------------------------------------
| Clock Summary
| -------------
------------------------------------------------------------------------------------------------

Clock  Waveform(ns)         Period(ns)      Frequency(MHz)
-----  ------------         ----------      --------------
clk    {0.000 2.500}        5.000           200.000


Max Delay Paths
--------------------------------------------------------------------------------------
Slack (MET) :             0.479ns  (required time - arrival time)
  Source:                 x[3]
                            (input port clocked by clk  {rise@0.000ns fall@2.500ns period=5.000ns})
  Destination:            u_fc1/a_reg[0]/D
                            (rising edge-triggered cell FDRE clocked by clk  {rise@0.000ns fall@2.500ns period=5.000ns})

Slack (VIOLATED) :        -0.501ns  (required time - arrival time)
  Source:                 u_fc2/word_3_reg[7]/C
                            (rising edge-triggered cell FDRE clocked by clk  {rise@0.000ns fall@2.500ns period=5.000ns})
  Destination:            u_fc3/word_9_reg[11]/D
                            (rising edge-triggered cell FDRE clocked by clk  {rise@0.000ns fall@2.500ns period=5.000ns})
  Path Group:             clk

Min Delay Paths
--------------------------------------------------------------------------------------
Slack (VIOLATED) :        -0.900ns  (arrival time - required time)
  Source:                 never/C
  Destination:            never/D
"""

HIERARCHY = """\
1. Utilization by Hierarchy
---------------------------

+-------------+----------+------------+------------+---------+------+-----+--------+--------+------------+
|   Instance  |  Module  | Total LUTs | Logic LUTs | LUTRAMs | SRLs | FFs | RAMB36 | RAMB18 | DSP Blocks |
+-------------+----------+------------+------------+---------+------+-----+--------+--------+------------+
| jets        |    (top) |       1340 |       1300 |       8 |   32 | 721 |      1 |      1 |          3 |
|   (jets)    |    (top) |          2 |          2 |       0 |    0 |   0 |      0 |      0 |          0 |
|   u_fc1     | jets_fc1 |        800 |        800 |       0 |    0 | 400 |      1 |      0 |          2 |
|     (u_fc1) | jets_fc1 |        700 |        700 |       0 |    0 | 400 |      1 |      0 |          2 |
|   u_fc2     | jets_fc2 |        500 |        468 |       0 |   32 | 300 |      0 |      1 |          1 |
|   u_again   | jets_fc2 |         38 |         38 |       0 |    0 |  21 |      0 |      0 |          0 |
+-------------+----------+------------+------------+---------+------+-----+--------+--------+------------+
"""


def test_a_seven_series_report_is_read() -> None:
    found = read_utilization(SERIES_7)
    assert (found.top, found.part, found.version, found.state) == ("jets", "xc7a35tcpg236-1", "2023.2", "Synthesized")
    assert (found.luts, found.lut_memory, found.srls, found.ffs, found.muxes) == (1340, 40, 32, 721, 7)
    assert (found.carries, found.dsps, found.brams, found.urams) == (134, 3, 1.5, 0)
    assert found.counts.brams == 2
    assert found.fmax_mhz is None


def test_an_ultrascale_report_is_read_with_its_timing() -> None:
    found = read_utilization(ULTRASCALE, timing=TIMING)
    assert (found.luts, found.ffs, found.carries, found.dsps, found.brams, found.urams) == (9477, 3697, 812, 0, 0.0, 4)
    assert (found.period_ns, found.wns_ns, found.tns_ns) == (5.0, -0.501, -208.636)
    assert found.fmax_mhz == pytest.approx(1000 / 5.501)
    assert found.slowest == ("u_fc2/word_3_reg[7]/C", "u_fc3/word_9_reg[11]/D")


def test_a_design_without_timed_paths_has_no_fmax() -> None:
    text = TIMING.replace("     -0.501     -208.636", "         NA           NA").replace("clk    {", "none (")
    found = read_utilization(ULTRASCALE, timing=text)
    assert (found.wns_ns, found.period_ns, found.fmax_mhz) == (None, None, None)


def test_area_is_summed_by_module() -> None:
    found = read_utilization(SERIES_7, hierarchy=HIERARCHY).per_module
    assert found == {
        "jets_fc1": Counts(luts=800, ffs=400, dsps=2, brams=1),
        "jets_fc2": Counts(luts=538, ffs=321, srls=32, dsps=1, brams=1),
    }


def test_text_that_is_no_report_is_refused() -> None:
    with pytest.raises(ParseError, match="no count of CLB LUTs"):
        read_utilization("ERROR: [Common 17-345] A valid license was not found")
    with pytest.raises(ParseError, match="no table of slacks"):
        read_timing("nothing", where="synth_timing.rpt")


def test_reports_after_routing_go_before_those_after_synthesis(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no reports"):
        read_vivado(tmp_path)
    (tmp_path / "synth_utilization.rpt").write_text(SERIES_7)
    assert read_vivado(tmp_path).state == "Synthesized"
    (tmp_path / "routed_utilization.rpt").write_text(ULTRASCALE)
    (tmp_path / "routed_timing.rpt").write_text(TIMING)
    assert read_vivado(tmp_path).wns_ns == -0.501


def test_a_design_keeps_what_vivado_measured_for_its_report(tmp_path: Path) -> None:
    design = architecture("parallel")
    folder = design.write(tmp_path, projects=["vivado"]) / "projects" / "vivado" / "two_by_two_axis"
    folder.mkdir()
    (folder / "synth_utilization.rpt").write_text(SERIES_7)
    (folder / "synth_timing.rpt").write_text(TIMING)
    assert design.read_vivado(tmp_path).luts == 1340
    assert design.read_vivado(tmp_path, module="two_by_two_axis").luts == 1340
    assert "synthesized=1340" in repr(design.report())
    assert "-0.501 ns at 5 ns" in design.measured.note
    with pytest.raises(StorageError, match="no reports"):
        design.read_vivado(tmp_path, module="two_by_two")
