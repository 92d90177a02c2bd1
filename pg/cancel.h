/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends a query on the server that nobody waits for any more. PQcancel blocks and has no TLS, so
 * pg_cancel_backend travels as a quick call on another conn of the pool; there is at most one for
 * each conn, and where no other conn takes it in time it is queued again while the query runs.
 *
 * Only a query that travels alone is cancelled: a shared batch holds calls of others. And only
 * while it runs: a conn whose cancel is out takes no new batch. When its results are in first, it
 * waits as CANCELING until the cancel is answered: the signal was delivered by then, and a backend
 * at rest ignores it. When that answer is lost the signal may still come: the conn is given up.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "pg/call.h"

#include <stdbool.h>

struct conn;

/* Embedded in the conn that is to be freed of its query. */
struct cancel {
	struct call call;
	struct arena arena;
	struct buf out;
	char pid[12];
	const char *values[1];
	bool pending; /* on its way */
	bool lost;    /* it left and was not answered: the signal may come at any time */
};

void cancel_init(struct cancel *cancel);
void cancel_fini(struct cancel *cancel);
/* The call on this conn was forgotten: cancels it, where it is alone and worth it. */
void cancel_forgotten(struct conn *conn, const struct call *call);
/* The conn's batch is over. True: it must not rest yet, the cancel will say when it may. */
bool cancel_holds(struct conn *conn) must_check;
/* The conn is closed: there is nothing to cancel. */
void cancel_drop(struct conn *conn);
