/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One statement on its way to a node and back. Embedded by what makes the call, its maker, which
 * owns it; pg/ borrows it from pool_submit until on_done or pool_forget.
 *
 *   AT_MAKER ──pool_submit──► QUEUED ◄──placed again──┐
 *      ▲ ▲                     │  └──sent──────────► OUT ──on_rows──► STREAMING
 *      │ │                     ▼                      │                   │
 *      │ └──────on_done────── ENDED ◄─────────────────┴───────────────────┘
 *      └──pool_forget, from each of them
 *
 * QUEUED waits for a conn or for its time-out, OUT and STREAMING for the socket of call->conn. A
 * call that streams is never placed again: its maker has rows of it.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/outcome.h"
#include "base/position.h"
#include "base/statement.h"
#include "base/text.h"
#include "pg/admission/ticket.h"

#include <stdbool.h>
#include <stdint.h>

struct pool;
struct conn;
struct call;
struct call_jobs;

enum call_kind {
	CALL_QUERY,    /* rides in a read only batch between two probes */
	CALL_COMMAND,  /* a transaction of its own, or one shared by a group; then the position */
	CALL_DESCRIBE, /* prepares and describes the statement, runs nothing; result: call->shape */
	CALL_PROBE,    /* only the probes of a batch */
	CALL_JOBS,     /* claims jobs, runs and ends them in one transaction: pg/jobs.h */
};

/* What FIXED_CLAIMS sets, in the order of its parameters; each "" where there is none. */
enum claims_value {
	CLAIMS_OBJECT, /* request.jwt.claims: a JSON object */
	CLAIMS_USER,   /* request.user */
	CLAIMS_ROLES,  /* request.roles: a JSON array of strings */
	CLAIMS_VALUES
};

enum isolation { ISOLATION_READ_COMMITTED, ISOLATION_REPEATABLE_READ, ISOLATION_SERIALIZABLE };

enum call_end {
	CALL_OK,
	CALL_ERROR,  /* PostgreSQL refused it: see error. A command is rolled back for sure */
	CALL_UNSENT, /* it never left: safe to place again anywhere */
	CALL_LOST,   /* the conn was lost or given up after it left: a command may have committed */
	CALL_TOO_LARGE, /* more rows or bytes than allowed. A command HAS committed */
};

enum call_state {
	CALL_AT_MAKER,
	CALL_QUEUED,
	CALL_OUT,       /* in a batch, on call->conn */
	CALL_STREAMING, /* the same, and on_rows was called */
	CALL_ENDED,     /* off its conn; on_done comes in this turn */
	CALL_STATES
};

/* Whether other commands may share its transaction, when it and they would like to; or whether
 * other keys may share the execution of a @lookup (pg/wire/lookup.h). */
enum call_company {
	COMPANY_WELCOME,
	COMPANY_KEYED,  /* it was sent together with others: its rows are those of its key */
	COMPANY_NONE,   /* its group broke: it travels alone now */
	COMPANY_BLAMED, /* the same, at the commit: it is not known yet whose fault that was */
};

/* The transaction that a command would like. */
enum call_transaction {
	TRANSACTION_OWN,      /* of its own, without BEGIN */
	TRANSACTION_EXPLICIT, /* between BEGIN and COMMIT, so that it cannot commit by itself */
	TRANSACTION_SHARED,   /* it may commit together with others (pg/wire/plan_group.h) */
};

/* Why a call was not sent, where that is for want of room. */
enum call_refusal {
	REFUSAL_NONE,
	REFUSAL_EXPIRED, /* CALL_UNSENT because it waited --queue-wait-ms in vain */
	/* not admitted, or let go, because of other calls: the node is overloaded */
	REFUSAL_SHED,
};

/* What was done that another run would do again. */
enum call_effect {
	EFFECT_NONE,
	EFFECT_STREAMED, /* on_rows was called */
	EFFECT_WROTE,    /* command: it, or its group, was given a transaction id */
};

/* What became of a command's frame, where not all of it ran. */
enum frame_end {
	FRAME_NONE,
	FRAME_ROLLED_BACK, /* on_ran wanted no commit */
	FRAME_RAISED,      /* the error is of the frame's own statements */
};

/* What PostgreSQL said; strings live in the call's arena. */
struct pg_error {
	char sqlstate[6];
	unsigned param;         /* the parameter whose value could not be read, from 1; 0: none */
	unsigned char_position; /* in the statement's text, in characters from 1; 0: none */
	bool of_catalog;        /* as when what the statement was described by has changed */
	bool ours;              /* cqrsd says it: the message may be told */
	bool nested;            /* with param: raised by a function that reading it called */
	const char *source;     /* the function of PostgreSQL that raised it; NULL: not told */
	const char *message, *detail, *hint, *constraint, *column;
};

/*
 * What a command has around it in its transaction, for CALL_COMMAND. before runs first; when it
 * raises, nothing else does and the call ends with its error. When the command itself has run and
 * its rows are there, but nothing is committed, on_ran fills behind_values and says whether to go
 * on: true: behind runs, then the commit; false: all is rolled back and the call ends as CALL_OK
 * with FRAME_ROLLED_BACK.
 */
struct call_frame {
	struct statement *before, *behind;
	const char *const *before_values, *const *behind_values;
	bool (*on_ran)(struct call *call);
};

struct call {
	/* Set by the maker. */
	enum call_kind kind;
	enum isolation isolation; /* of a command, as the next */
	enum call_transaction transaction;
	uint32_t generation;         /* of what is prepared; CALL_DESCRIBE: set by the maker */
	struct ticket ticket;        /* priority and deadline_us; the rest is the pool's */
	struct statement *statement; /* NULL for CALL_PROBE */
	const char *const *values;   /* text form, NULL is NULL; [statement->params] */
	const char *const *claims;   /* [CLAIMS_VALUES], of its caller; NULL: none are set */
	struct arena *arena;         /* for what comes back */
	struct buf *out;             /* rows as JSON objects, comma separated, are appended here */
	uint64_t rows_max;           /* more: CALL_TOO_LARGE; 0: no limit */
	size_t bytes_max;            /* of out, or of a stream in all; 0: no limit */
	int64_t timeout_us;          /* statement_timeout of its own; 0: the pool's */
	const uint64_t *tags;        /* command: what it makes stale, for the feed; [tags_count] */
	unsigned tags_count;         /* 0: it writes no row there; at most OPERATION_TAGS_MAX */
	const uint32_t *param_oids;  /* CALL_DESCRIBE: [statement->params], 0: ask; or NULL */
	const struct shape *bound;   /* by which values were made; NULL: the statement's of now */
	/* a query: ended on the server when it is forgotten there (pg/wire/cancel.h) */
	bool cancels;
	/* what a changed catalog refuses is described anew by its maker */
	bool revalidates;
	/* CALL_QUERY: it may be answered with an identical one (pg/coalesce.h) */
	bool coalesces;
	const struct call_frame *frame;     /* command: NULL: none */
	struct call_jobs *jobs;             /* CALL_JOBS: what is made of its rows */
	void (*on_done)(struct call *call); /* once, on the loop's thread; may submit and free */
	/*
	 * CALL_QUERY: it travels as a stream (pg/wire/plan_stream.h): called each time out has
	 * reached STREAM_BUFFER_BYTES, and from then on whenever no more rows have come yet. The
	 * bounds are there. The maker clears out when its bytes are taken and calls pool_go_on; it
	 * may forget the call.
	 */
	void (*on_rows)(struct call *call);

	/* What came of it. */
	enum call_end end;
	enum frame_end frame_end;
	struct pg_error error; /* for CALL_ERROR */
	enum call_refusal refusal;
	enum call_effect effect;
	const char *lost_reason; /* for CALL_LOST and CALL_UNSENT: a constant string */
	/* of a command for CALL_OK: it took effect, but a row is no answer, and why; or NULL */
	const char *untellable;
	uint64_t rows;
	uint64_t bytes;        /* of a stream: what its rows took in all */
	int64_t affected;      /* rows_affected of an :exec; -1: PostgreSQL named no number */
	uint64_t lower, upper; /* lsn bounds of what it saw (CALL_QUERY, CALL_PROBE) */
	uint64_t wal_end;      /* of a primary: where its WAL ended, flushed or not; else 0 */
	uint32_t timeline;     /* of a standby's walreceiver, behind all it saw; 0: not told */
	uint32_t streamed;     /* the same, while WAL is streamed to it; else 0 */
	bool in_recovery;      /* the node was a standby when the batch began */
	uint8_t preparations;  /* anew, where it was not prepared any more; once is enough */
	/* pg/coalesce.h */
	uint16_t coalesce_slot : 9, followers : 7;
	struct position position; /* command: at or after its commit record */
	struct shape *shape;      /* describe: to be taken with statement_set_shape, or freed */
	int64_t queued_us, sent_us, done_us;

	/* pg's own. */
	struct list *list; /* that its ticket is on: a queue, or the ended ones; NULL */
	struct pool *pool;
	struct conn *conn; /* NULL while it waits, and of one that follows another */
	/* pg/coalesce.h: whom it follows, or NULL; the last of its followers, or one before it */
	struct call *leader, *follower;
	enum call_state state;
	enum call_company company;
	size_t out_start; /* what of out was there before */
};

/* To the next state; asserts that it may follow. pg/ only. */
void call_move(struct call *call, enum call_state next);
/* Nothing has come of it so far. pg/ only. */
void call_begin(struct call *call);
/* What came back of it so far is forgotten: it runs once more. pg/ only. */
void call_take_back(struct call *call);
