// SPDX-License-Identifier: Apache-2.0
// tests/sim/seeds.h: one story told with many seeds. Each seed is a process of its own, so that one
// that dies, or never ends, is a finding as well; what fails is told with the command that shows it
// again. The program's usage is then
//
//     sim-STORY [--seeds N] [--seed FIRST] [--jobs N] [--tell]
//
// --tell says what happens, when, for looking at one seed.
#pragma once

#include "base/base.h"

#define SEEDS_FIGURES_MAX 16

// What all seeds together have seen, in memory that their processes share.
struct seed_figures {
    _Atomic uint64_t of[SEEDS_FIGURES_MAX];
};

// False: something was wrong, and it has been printed what.
typedef bool seed_main(uint64_t seed, bool tells, struct seed_figures *totals);

struct seeds {
    const char *name; // as script/test knows it: "sim intake"
    seed_main *main;
    uint64_t count; // unless said otherwise
    const char *const *figures;
    size_t figure_count;
};

// What main() returns.
int seeds_run(const struct seeds *seeds, int argc, char **argv);
