#pragma once
// A shared library that opens and is no plugin: the VLP_PLUGIN line is missing.

extern "C" __attribute__((visibility("default"))) int no_plugin_answer() { return 42; }
