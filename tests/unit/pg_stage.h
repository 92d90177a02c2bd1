/* SPDX-License-Identifier: Apache-2.0 */
/* A pool on a loop whose clock stands still, over the fake libpq, and calls to send through it. */
#pragma once

#include "base/loop.h"
#include "base/metrics.h"
#include "pg/call.h"
#include "pg/pool.h"

#include <stdbool.h>
#include <stdint.h>

#define STAGE_START_US INT64_C(1000000000)

struct stage {
	struct loop *loop;
	struct metrics *metrics;
	struct node *node;
	struct pool *pool;
	int64_t now_us;
};

/* A call and how often its end was told. */
struct stage_call {
	struct call call;
	struct arena arena;
	struct buf out;
	const char *values[4];
	unsigned told;
	void (*on_answer)(struct stage_call *stage_call); /* or NULL */
	void *arg;
};

extern struct stage stage;
extern const struct pool_settings stage_settings;

/* For cmocka_unit_test_setup_teardown. */
int stage_clear(void **state);
int stage_close(void **state);
/* A pool of that many conns; those that are always kept are open. */
void stage_open(enum node_role role, unsigned conns);
void stage_open_with(enum node_role role, const struct pool_settings *settings);
/* Turns until nothing is on its way to being connected. */
void stage_connect(void);
void stage_turn(void);
/* Moves the clock, then turns. */
void stage_pass(int64_t us);
/* The server answers all that was sent on that conn, and the loop takes it. */
void stage_answer(unsigned conn);

/* Statements s1, s2, … of one int4 parameter and one int4 column, already described. */
struct statement *stage_statement(unsigned number);
/* The same, with a text of its own. */
struct statement *stage_statement_of(unsigned number, const char *text);

void stage_call_init(struct stage_call *call, enum call_kind kind, struct statement *statement,
		     const char *value);
void stage_call_fini(struct stage_call *call);
/* Init and submit. */
void stage_send(struct stage_call *call, enum call_kind kind, struct statement *statement,
		const char *value);
void stage_query(struct stage_call *call, struct statement *statement, const char *value);
/* What is in out, as a string. */
const char *stage_out(struct stage_call *call);
