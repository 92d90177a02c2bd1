/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lines of the log say what others have just said. Of each kind so many of a key are written
 * in a while; those beyond are counted, whichever thread has them; the first of the next while
 * tells how many. A fixed table: the key that was begun longest ago makes room. Any thread; a line
 * that is only counted takes no lock.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum repeats_kind {
	REPEATS_CONNS,    /* a connection that is closed: 1 in 60 s */
	REPEATS_NODES,    /* a node comes and goes: 5 in 60 s */
	REPEATS_FAILURES, /* a request failed in PostgreSQL, or amid its rows: 10 in 1 s */
	REPEATS_LIMITED,  /* a rate limit refuses: 1 in 10 s */
	REPEATS_REFUSED,  /* a caller is not let in: 5 in 10 s */
	REPEATS_ANSWERS,  /* an answer from 500 on: 10 in 1 s */
	REPEATS_FULL,     /* a listener takes no more connections: 1 in 1 s */
	REPEATS_KINDS
};

#define REPEATS_TEXT_BYTES 64

/*
 * Is a line of this key worth writing? text: what to add to it, " (again, 37 times in the last
 * 60 s)", or empty. key: of all in the line that makes it another one, of few values.
 */
bool repeats_allow(enum repeats_kind kind, uint64_t key, int64_t now_us,
		   char text[REPEATS_TEXT_BYTES]) must_check;
/* As if nothing was ever written, for tests. */
void repeats_forget(void);
