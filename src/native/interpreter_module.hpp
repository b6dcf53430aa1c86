// Adds the interpreter to the Python module.
#pragma once

#include <nanobind/nanobind.h>

void bind_interpreter(nanobind::module_& module);
