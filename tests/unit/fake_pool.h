/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools that send nothing: a test takes the calls that were submitted and answers them. Stands in
 * for pg/pool.c and pg/describe.c at link time.
 */
#pragma once

#include "pg/call.h"
#include "pg/describe.h"
#include "pg/pool.h"

#include <stdbool.h>

/* The pools in the order in which they were made, one per node of the router under test. */
struct pool *fake_pool(unsigned node);
/* The oldest call of that kind that waits at the node, or NULL. It stays there until answered. */
struct call *fake_call(unsigned node, enum call_kind kind);
/* The oldest of that statement. */
struct call *fake_call_of(unsigned node, const struct statement *statement);
/* The newest of the kind. */
struct call *fake_last_call(unsigned node, enum call_kind kind);
/* Answers are as old as questions, unless call->sent_us was set. */
/* Answers a query or probe of a standby: rows as JSON, seen between lower and upper. */
void fake_answer(struct call *call, uint64_t lower, uint64_t upper, const char *rows,
		 uint64_t count);
/* The same, of the primary; its WAL ends there, unless call->wal_end was set beyond. */
void fake_answer_primary(struct call *call, uint64_t flush, const char *rows, uint64_t count);
/* A command that committed at that lsn of timeline 1. */
void fake_commit(struct call *call, uint64_t lsn, bool wrote, const char *rows, uint64_t count);
void fake_error(struct call *call, const char *sqlstate, const char *message);
void fake_lost(struct call *call, enum call_end end, const char *reason);
/* It never left. */
void fake_unsent(struct call *call, const char *reason);
/* Rows of a stream have come, seen between lower and upper; there may be more. */
void fake_stream(struct call *call, uint64_t lower, uint64_t upper, const char *rows);
/* How often pool_go_on was called. */
unsigned fake_went_on(unsigned node);
/* The next submissions to that node find the queue full. */
void fake_full(unsigned node, bool full);
/* Its first conns are being made, or are there. */
void fake_opening(unsigned node, bool readiness);
/* No conn to it is open. */
void fake_away(unsigned node, bool away);
/* Who has a statement described anew by the node, or NULL. */
struct describe *fake_describing(unsigned node);
/* All of its parameters, and its column, are of those types now. */
void fake_described(struct describe *describe, uint32_t param_oid, uint32_t column_oid);
/* Calls that wait at the node, of every kind. */
unsigned fake_waiting(unsigned node);
/* What pool_abandon was told, or NULL. */
const char *fake_abandoned(unsigned node);
/* How often pool_dial_now was called. */
unsigned fake_dials(unsigned node);
/* How often monitor_poll_now was called. */
unsigned fake_polls_now(void);
