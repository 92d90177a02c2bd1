/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One core of a node is reserved for quick queries. Where long queries keep every core busy, a
 * quick one waits for the scheduler's next turn, some milliseconds, however short its queue is
 * here. So, while quick queries come, the long ones of all loops together use at most all cores but
 * one. A long query is held back for three times what it takes, at most one second, and then runs
 * anyway: none is refused for it.
 *
 * One per node, used by the loops of all its pools; lock-free.
 */
#pragma once

#include "base/check.h"
#include "base/list.h"
#include "base/statement.h"
#include "pg/admission/ticket.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CORE_RESERVE_WAIT_US_MAX 1000000
#define CORE_RESERVE_LATELY_US 50000 /* after a quick one, more are expected for that long */

/* Cleared memory is valid: no query runs, none has come. */
struct core_reserve {
	_Atomic unsigned running; /* long ones */
	_Atomic int64_t quick_us; /* when a quick one last came, about */
};

/* Does it run for so long that it may be held back? */
bool core_reserve_is_long(const struct statement *statement) must_check;
/* How long it may be held back. */
int64_t core_reserve_wait_us(const struct statement *statement) must_check;

/* A quick one came. */
void core_reserve_quick(struct core_reserve *core_reserve, int64_t now_us);
/* May one more long one run, on a node of so many cores? */
bool core_reserve_allows(const struct core_reserve *core_reserve, unsigned cores,
			 int64_t now_us) must_check;
/* It runs, if it may; anyway: it has waited long enough. To be given back. */
bool core_reserve_take(struct core_reserve *core_reserve, unsigned cores, bool anyway,
		       int64_t now_us) must_check;
void core_reserve_give_back(struct core_reserve *core_reserve);

/* queue: tickets of long ones. One of them has waited as long as it is held back: then the first of
 * them leaves. */
bool core_reserve_is_due(const struct list *queue, int64_t now_us) must_check;
/* Is there no core for the first of the queue, so that it has to wait? */
bool core_reserve_holds_back(const struct core_reserve *core_reserve, unsigned cores,
			     const struct list *queue, int64_t now_us) must_check;
/* The first so many of the queue could leave but for that: they are not refused for it. */
void core_reserve_mark(struct list *queue, unsigned count);
/* How long it has waited for its turn; that it was held back does not count. */
int64_t core_reserve_waited_us(const struct ticket *ticket, int64_t now_us) must_check;
