/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core of a node is spared for quick queries. Where long ones keep every core busy, a quick one
 * waits for the scheduler's next turn, some milliseconds, however short its queue is here. So,
 * while quick ones come, no more long ones run at once than the node has cores less one, of all
 * loops together. Who is held back for that waits three times what it takes, a second at most, and
 * then runs anyway: nobody is refused for it.
 *
 * One per node, used by the loops of all its pools; lock-free.
 */
#pragma once

#include "base/check.h"
#include "base/statement.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SPARE_WAIT_US_MAX 1000000
#define SPARE_LATELY_US 50000 /* so long after a quick one, others are expected */

/* Cleared memory: nothing runs, and nobody came. */
struct spare {
	_Atomic unsigned running; /* long ones */
	_Atomic int64_t quick_us; /* when a quick one last came, about */
};

/* Is it known to run so long that it may wait for others? */
bool spare_is_long(const struct statement *statement) must_check;
/* How long it may be held back. */
int64_t spare_wait_us(const struct statement *statement) must_check;

/* A quick one came. */
void spare_quick(struct spare *spare, int64_t now_us);
/* May one more long one run, on a node of so many cores? */
bool spare_allows(const struct spare *spare, unsigned cores, int64_t now_us) must_check;
/* It runs, if it may; anyway: it has waited long enough. To be given back. */
bool spare_take(struct spare *spare, unsigned cores, bool anyway, int64_t now_us) must_check;
void spare_give_back(struct spare *spare);
