/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One libpq connection of a pool, and its life:
 *
 *   CLOSED ──due──► DIALING ──letter──► CONNECTING ──► IDLE ◄──► BUSY
 *     ▲                │                    │            ▲         │
 *     │                │                    │            └─── CANCELING
 *     └────────────────┴────────────────────┴────────────┴─────────┘  conn_close
 *
 * CANCELING waits for the answer to a cancel that is on its way on another conn
 * (pg/wire/cancel.h). DIALING waits for the dialer's thread, CONNECTING and BUSY for the socket;
 * each of them ends at due_us (pg/janitor.c). No locks: one loop.
 *
 * A conn knows its pool only as its owner, by what stands in struct conn_owner. It is opened and
 * its socket is served by pg/wire/connect.c.
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "pg/call.h"
#include "pg/node.h"
#include "pg/types/encode.h"
#include "pg/wire/batch.h"
#include "pg/wire/cancel.h"
#include "pg/wire/conn_state.h"
#include "pg/wire/lookup_keys.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#define CONN_OUTDATED "it was made before a change of roles"

struct conn;
struct dial;
struct lane;

/* Why a conn ends, by whose doing. */
enum closing_cause {
	CLOSING_UNUSED,  /* we have no use for it any more: logged as a detail */
	CLOSING_FAILED,  /* something is wrong with it or its node: counted and logged */
	CLOSING_REFUSED, /* the same while CONNECTING: the server lets no one of ours in now */
};

struct closing {
	const char *reason; /* a constant */
	enum closing_cause cause;
	bool calls_again; /* what travels on it is placed again, but for the call to blame */
	/* Filled by conn_close. */
	bool early;    /* it was not made, or not long ago: something is wrong with the node */
	bool starting; /* CLOSING_REFUSED: the server starts up or shuts down */
};

static inline struct closing closing_unused(const char *reason)
{
	return (struct closing){ .reason = reason, .cause = CLOSING_UNUSED };
}

static inline struct closing closing_failed(const char *reason)
{
	return (struct closing){ .reason = reason, .cause = CLOSING_FAILED };
}

static inline struct closing closing_refused(const char *reason)
{
	return (struct closing){ .reason = reason, .cause = CLOSING_REFUSED };
}

/* The same, but what travels on it is placed again. */
static inline struct closing closing_again(struct closing closing)
{
	closing.calls_again = true;
	return closing;
}

/* What a conn asks of its pool and tells it. None of them closes the conn, but on_rest may. */
struct conn_owner {
	/* Around what comes from outside: between the two the conn and its pool stay allocated. */
	void (*hold)(struct conn *conn);
	void (*deliver)(struct conn *conn);
	/* It is made, and about to be IDLE. */
	void (*on_ready)(struct conn *conn);
	/* The batch is answered; its calls, which are still in their slots, end next. */
	void (*on_answered)(struct conn *conn);
	/* The call has ended that way and is off the conn. lost_reason: a constant, or NULL. */
	void (*on_result_end)(struct conn *conn, struct call *call, enum call_end end,
			      const char *lost_reason);
	/* The call is off the conn, nothing came of it: to be placed again. */
	void (*on_again)(struct conn *conn, struct call *call);
	/* It is IDLE after a batch, or for the first time. */
	void (*on_rest)(struct conn *conn);
	/* What PostgreSQL or libpq says is wrong, in one line. Borrowed for the call. */
	void (*on_error)(struct conn *conn, const char *message);
	/* It is CLOSED, and its calls have ended. */
	void (*on_closed)(struct conn *conn, const struct closing *closing);
	/* due_us was set: by then the owner looks at the conn. */
	void (*want)(struct conn *conn, int64_t due_us);
	/* A call of the conn's own, for another conn; as pool_submit and pool_forget. */
	bool (*submit)(struct conn *conn, struct call *call);
	void (*forget)(struct conn *conn, struct call *call);
};

/* What all conns of a pool have in common. The pool keeps it. */
struct conn_home {
	const struct conn_owner *owner;
	struct loop *loop;
	const struct node *node;
	struct metrics *metrics;
	struct conn_counts *counts; /* of all of them */
	int64_t connect_timeout_us, answer_timeout_us, statement_timeout_us;
	int64_t server_us; /* the only server they may lead to; 0: any */
};

/* While CONNECTING (pg/wire/handshake.h). */
struct handshake {
	enum { HANDSHAKE_NONE, HANDSHAKE_CHECKS, HANDSHAKE_SETS } trip;
	bool known, as_asked; /* of the answer */
	unsigned rounds;      /* checks that found all as asked */
};

/* How a session got its settings. */
enum conn_settings {
	SETTINGS_NONE,       /* not asked for yet */
	SETTINGS_BY_OPTIONS, /* by the startup parameter "options" */
	SETTINGS_BY_SQL,     /* they were not in force then, and were SET */
};

/* Whether its session has a schema for temporary tables, which stays when they are gone. */
enum conn_temporary {
	CONN_TEMPORARY_NEVER,
	CONN_TEMPORARY_MADE,
};

/* Whether rows of a stream are read (pg/wire/plan_stream.h). */
enum conn_flow {
	FLOW_READS,
	FLOW_PAUSED,  /* the stream is full: nothing is read until it was taken */
	FLOW_RESUMES, /* it was taken, and the end of this turn reads on */
};

struct conn {
	const struct conn_home *home;
	struct pool *pool;          /* the owner's, as the next */
	struct lane *lane;          /* that it serves (pg/lane.h) */
	struct conn_counts *counts; /* of the conns that serve it; the owner's */
	enum conn_state state;
	enum conn_settings settings;
	enum conn_flow flow;
	enum conn_temporary temporary;
	bool read_only;  /* how its session was opened */
	bool holds_core; /* the owner's: its batch is a long query, counted in node->core_reserve */
	bool pooled;     /* a pooler stands between */
	bool outdated;   /* it serves no more behind its batch */
	struct handshake handshake;
	const char *session_state; /* why it is closed when its batch is over, or NULL */
	int backend_pid;
	uint64_t backend;  /* entered in node->pooler; 0: none */
	int64_t server_us; /* the start of its server's postmaster; 0: not known yet */
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
	struct lookup_keys lookup; /* of its batch */
	struct buf arrays;         /* values of calls that are sent together */
};

/* home and pool are borrowed until conn_fini. The owner sets lane and counts, and counts it there
 * and in home as closed. */
void conn_init(struct conn *conn, const struct conn_home *home, struct pool *pool);
/* It must be closed. */
void conn_fini(struct conn *conn);
/* All is as asked: it is idle now. */
void conn_made(struct conn *conn);
/* Between idle and busy, and on the way there. */
void conn_move(struct conn *conn, enum conn_state next);
/* In any state but CLOSED. What travels on it ends as lost, unless it is placed again. */
void conn_close(struct conn *conn, struct closing closing);
/* Sends what libpq still holds; watches for room where the kernel has none. */
void conn_flush(struct conn *conn);
/* When to give up waiting for what was sent; CLOCK_NEVER: it waits for nothing. */
void conn_set_due(struct conn *conn, int64_t due_us);
/* The batch is over: idle, or closed where it can serve no more. */
void conn_rest(struct conn *conn);
/* The call that travels on it was forgotten: cancelled, where it is alone and worth it. */
void conn_cancel(struct conn *conn, const struct call *call);

/* What this conn knows of a statement. What is there of another generation is MARK_STALE. */
enum mark conn_mark(const struct conn *conn, uint32_t statement_id, uint32_t generation);
/* Is it being prepared by the batch under way, of whatever generation? */
bool conn_is_pending(const struct conn *conn, uint32_t statement_id) must_check;
void conn_set_mark(struct conn *conn, uint32_t statement_id, uint32_t generation, enum mark mark);
