// Adds the timetable to the Python module.
#pragma once

#include <nanobind/nanobind.h>

void bind_timetable(nanobind::module_& module);
