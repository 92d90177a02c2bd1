/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends a query on the server whose answer is no longer wanted. PQcancel blocks and has no TLS, so
 * pg_cancel_backend travels as a quick call on another conn of the pool; there is at most one for
 * each conn, and where no other conn takes it in time it is queued again while the query runs.
 *
 *   NONE ──cancel_call──► PENDING ──answered──► NONE
 *                            └──lost──► LOST    the signal may still come: the conn is given up
 *
 * Only a query that travels alone is cancelled: a shared batch holds calls of others. And only
 * while it runs: a conn whose cancel is out takes no new batch. When its results are in first, it
 * waits as CANCELING until the cancel is answered: the signal was delivered by then, and a backend
 * at rest ignores it. This file makes the call and reads its answer; pg/wire/conn.c decides.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "pg/call.h"

#include <stdbool.h>

enum cancel_state {
	CANCEL_NONE,
	CANCEL_PENDING, /* its call is queued or on its way */
	CANCEL_LOST,    /* it left and was not answered: the signal may come at any time */
};

/* Embedded in the conn that is to be freed of its query. */
struct cancel {
	struct call call;
	struct arena arena;
	struct buf out;
	char pid[12];
	const char *values[1];
	enum cancel_state state;
	void (*on_answered)(struct cancel *cancel);
};

/* on_answered: the call has ended, on the loop's thread; state and call say how. */
void cancel_init(struct cancel *cancel, void (*on_answered)(struct cancel *cancel));
/* It must not be pending. */
void cancel_fini(struct cancel *cancel);
/* The call that cancels what this backend runs; the cancel is pending when it was submitted. */
struct call *cancel_call(struct cancel *cancel, int backend_pid) must_check;
/* It is pending but has not left: there is nothing to wait for. */
bool cancel_waits(const struct cancel *cancel) must_check;
