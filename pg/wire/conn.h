/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One libpq connection of a pool, and its life:
 *
 *   CLOSED ──due──► DIALING ──letter──► CONNECTING ──► IDLE ◄──► BUSY
 *     ▲                │                    │            ▲         │
 *     │                │                    │            └─── CANCELING
 *     └────────────────┴────────────────────┴────────────┴─────────┘  conn_close, conn_retire
 *
 * CANCELING waits for the answer to a cancel that is on its way on another conn (pg/cancel.h).
 * DIALING waits for the dialer's thread, CONNECTING and BUSY for the socket; each of them ends at
 * due_us (pg/janitor.c). No locks: one loop.
 */
#pragma once

#include "base/check.h"
#include "base/list.h"
#include "base/loop.h"
#include "pg/cancel.h"
#include "pg/pool.h"
#include "pg/types/encode.h"
#include "pg/wire/batch.h"
#include "pg/wire/handshake.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct dial;

struct conn {
	struct list_link link; /* in pool->conns_in[state] */
	struct pool *pool;
	unsigned index; /* in pool->conns: what lane it serves */
	enum conn_state state;
	bool read_only;  /* how its session was opened */
	bool holds_core; /* its batch is a long query, counted in node->spare */
	bool paused;     /* its stream is full: nothing is read until it was taken */
	bool resumes;    /* it was, and the end of this turn reads on */
	bool reached;    /* while CONNECTING: the server is there */
	bool by_options; /* its settings were asked for by the startup parameter "options" */
	bool by_sql;     /* they were not in force then, and set by SQL */
	bool pooled;     /* a pooler stands between */
	struct handshake handshake; /* while CONNECTING: pg/wire/handshake.h */
	const char *session_state;  /* why it is closed when its batch is over, or NULL */
	int backend_pid;
	uint64_t backend;  /* entered in node->pooler; 0: none */
	int64_t server_us; /* the start of its server's postmaster; 0: not told yet */
	PGconn *pgconn;
	struct dial *dial; /* while DIALING */
	struct loop_watch watch;
	int64_t opened_us; /* when it left CLOSED */
	int64_t due_us;    /* when to give up waiting; CLOCK_NEVER */
	uint32_t *marks;   /* by statement id: a generation and an enum mark */
	size_t marks_room;
	unsigned prepared;          /* how many statements are prepared */
	uint8_t fixed[FIXED_COUNT]; /* enum mark */
	struct batch batch;         /* while BUSY */
	struct cancel cancel;       /* of what runs on it */
	struct encoder encoder;
};

void conn_init(struct conn *conn, struct pool *pool, unsigned index);
/* It must be closed. */
void conn_fini(struct conn *conn);
/* Leaves CLOSED. */
void conn_open(struct conn *conn);
/* All is as asked: it is idle now. */
void conn_made(struct conn *conn);
/* Between idle and busy, and on the way there. */
void conn_move(struct conn *conn, enum conn_state next);
/* Something is wrong with it or its node: counted, logged, its calls lost. reason: a constant. */
void conn_close(struct conn *conn, const char *reason);
/* The same, but what else travelled on it is placed again. */
void conn_close_again(struct conn *conn, const char *reason);
/* The same, while CONNECTING: its server, or what stands before it, does not let us in; the next
 * login waits (pg/reconnect.h). */
void conn_refuse(struct conn *conn, const char *reason);
/* We have no use for it any more. */
void conn_retire(struct conn *conn, const char *reason);
/* The same, but what else travelled on it is placed again. */
void conn_retire_again(struct conn *conn, const char *reason);
/* Sends what libpq still holds; watches for room where the kernel has none. */
void conn_flush(struct conn *conn);
/* The batch is over: idle, or retired where its lane is another one by now. */
void conn_rest(struct conn *conn);

/* What this conn knows of a statement. What is there of another generation is MARK_STALE. */
enum mark conn_mark(const struct conn *conn, uint32_t statement_id, uint32_t generation);
/* Is it being prepared by the batch under way, of whatever generation? */
bool conn_is_pending(const struct conn *conn, uint32_t statement_id) must_check;
void conn_set_mark(struct conn *conn, uint32_t statement_id, uint32_t generation, enum mark mark);
