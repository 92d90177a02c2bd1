/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every time-out of pg/: of a connect, an answer, a call in the queue, the pause before the next
 * connect. One timer per pool, set to the earliest of them; when it fires, all are looked at. What
 * is late is closed or taken off its queue here; the pool ends the calls. One loop's thread; times
 * are microseconds of its clock.
 */
#pragma once

#include "base/check.h"
#include "base/list.h"
#include "base/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct pool;
struct conn;

/* on_due: the timer of pool->janitor fires. It is to close what is late, end what has expired, and
 * to set the timer again, as below. */
void janitor_init(struct pool *pool, void (*on_due)(struct loop_timer *timer));
void janitor_fini(struct pool *pool);
/* Look again by then at the latest. */
void janitor_want(struct pool *pool, int64_t due_us);
/* Closes the conns that have waited for too long. Calls may end. */
void janitor_close_late(struct pool *pool);
/* Has a call waited for too long in its queue? */
bool janitor_is_call_late(const struct pool *pool) must_check;
/* Moves the tickets of those that have from their queues to expired. */
void janitor_take_expired(struct pool *pool, struct list *expired);
/* Sets the gauges where that is due, and the timer. */
void janitor_recheck(struct pool *pool);
/* The conn is kept for CONN_IDLE_US_MAX; unless it is needed by then, it is closed. */
void janitor_close_idle(struct conn *conn);
/* A connect failed, or its conn did not live long: the next one waits. */
void janitor_on_failure(struct pool *pool);
/* And that because the node refused a login begun then: all that share its pause wait. */
void janitor_on_refusal(struct pool *pool, bool starting, int64_t begun_us);
void janitor_on_success(struct pool *pool);
/* May a conn be opened now? While connects fail, one is tried at a time, after the pause. */
bool janitor_may_dial(struct pool *pool) must_check;
