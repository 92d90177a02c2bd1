/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How calls come onto a conn, and leave it unanswered: the pool begins a batch on an idle conn,
 * adds the calls that travel together, and sends it. Which plan it has follows from its calls.
 */
#pragma once

#include "pg/call.h"

struct conn;

/* A batch for calls of that kind, on an idle conn, without any yet. */
void carry_begin(struct conn *conn, enum call_kind kind);
/* One more call, which is in no queue; BATCH_CALLS_MAX at most. More than one command: they are a
 * group. */
void carry_add(struct conn *conn, struct call *call);
/* Sends what was added, one call at least: the conn is busy then, or closed. */
void carry_send(struct conn *conn);
/* The slot of a call that is on its way on this conn is the other's, which is OUT, from now on. */
void carry_hand_over(struct conn *conn, struct call *call, struct call *successor);
/* The call, which is on its way on this conn, is no longer wanted: its slot is emptied. What runs
 * for it alone may be cancelled; of a stream, or of jobs that do not commit, the conn is closed. */
void carry_forget(struct conn *conn, struct call *call);
