/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every time-out of pg/: of a connect, an answer, a call in the queue, the pause before the next
 * connect. One timer per pool, set to the earliest of them; when it fires, all are looked at.
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "base/random.h"

#include <stdbool.h>
#include <stdint.h>

struct pool;
struct conn;

struct janitor {
	struct loop_timer timer;
	struct random random;
	unsigned failures;     /* connects that failed in a row */
	int64_t dial_after_us; /* the pause after the last of them ends */
	int64_t gauged_us;     /* when the gauges were set last */
};

void janitor_init(struct pool *pool);
void janitor_fini(struct pool *pool);
/* Look again by then at the latest. */
void janitor_want(struct pool *pool, int64_t due_us);
/* The conn is kept for CONN_IDLE_US_MAX; unless it is needed by then, it is closed. */
void janitor_close_idle(struct conn *conn);
/* A connect failed, or its conn did not live long: the next one waits. */
void janitor_on_failure(struct pool *pool);
/* And that because the node refused a login begun then: all that share its pause wait. */
void janitor_on_refusal(struct pool *pool, bool starting, int64_t begun_us);
void janitor_on_success(struct pool *pool);
/* May a conn be opened now? While connects fail, one is tried at a time, after the pause. */
bool janitor_may_dial(struct pool *pool) must_check;
