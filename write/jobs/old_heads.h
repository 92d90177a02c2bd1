/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Old heads of a command with an order: those that wait for their time, or for long, and would
 * hold its floor (write/jobs/floors.h) back. Their keys are kept by name, each with the number of
 * its head: below it no job of that key waits. There are few, as each claim names them.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"
#include "write/jobs/job_statement.h"

#include <stdbool.h>
#include <stdint.h>

#define OLD_HEADS_MAX 128

struct old_head {
	int64_t n;
	char key[JOB_ORDER_KEY_BYTES + 1];
};

/* Zeroed: none. */
struct old_heads {
	struct old_head *of; /* [OLD_HEADS_MAX], or NULL */
	unsigned count;
};

void old_heads_fini(struct old_heads *heads);
void old_heads_copy(struct old_heads *to, const struct old_heads *from);
/* False: there is no room. */
bool old_heads_add(struct old_heads *heads, struct text key, int64_t n) must_check;
/* The head of that key is another one by now; n 0: there is none. */
void old_heads_move(struct old_heads *heads, struct text key, int64_t n);
/* Those from that number on are like others. */
void old_heads_drop_from(struct old_heads *heads, int64_t n);
