#pragma once
// A built-in plugin's header built as lm.so: it works by itself, and clashes with the built-in one.

#include "plugins/loss/lm.hpp"
