// Adds the functions of pipeline.hpp to the module.
#pragma once

#include <nanobind/nanobind.h>

void bind_pipeline(nanobind::module_& module);
