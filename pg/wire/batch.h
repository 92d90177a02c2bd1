/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls that are on a conn together, and the results that are expected for them in the order in
 * which they were sent. batch.c forms and sends, answer.c takes what comes back.
 *
 *   queries    [probe] [call 1] … [call n] [bound] Sync
 *   command    [call] [xid] Sync  [position] Sync
 *   isolated   [BEGIN] [call] [xid] [COMMIT] Sync  [position] Sync
 *   group      pg/wire/group.h
 *   framed     [BEGIN] [before] [call] Sync   then   [behind] [xid] [COMMIT] Sync [position] Sync
 *   describe   [prepare] [describe] [leaves] Sync
 *   stream     [probe] Sync  [BEGIN] [stands] [call] [COMMIT] Sync     (pg/wire/stream.h)
 *
 * Before a call may stand what prepares it and what sets its statement_timeout. After an error:
 * [stands] Sync for the upper bound of those that were complete; the same where the bound of a
 * standby that nobody sends WAL may be a byte that nobody has. [ROLLBACK] Sync where a transaction
 * was left open.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/list.h"
#include "pg/call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCH_ENTRIES_MAX (4 * BATCH_CALLS_MAX + 16)
#define BATCH_GROUP_ENTRIES_MAX (8 * GROUP_CALLS_MAX + 16)
#define BATCH_PARAM_BYTES_MAX (256 << 10) /* of the parameters of one batch */
#define BATCH_DISCARD_BYTES_MAX (8 << 20) /* of rows nobody wants, before the conn is given up */
#define SLOT_NONE UINT8_MAX

static_assert(BATCH_GROUP_ENTRIES_MAX <= BATCH_ENTRIES_MAX, "a group fits into a batch");
static_assert(BATCH_CALLS_MAX < SLOT_NONE, "a slot's number is a byte");

/* Statements of our own, prepared on a conn when first needed. */
enum fixed {
	FIXED_PROBE,
	FIXED_BOUND,
	/* the same, where nobody sends the standby any WAL (pg/wire/standby_bound.h) */
	FIXED_STANDBY_BOUND,
	FIXED_TIMEOUT,
	FIXED_NOTICE,
	FIXED_XID,
	FIXED_BACKEND,
	FIXED_POSITION,
	FIXED_SESSION_STATE, /* pg/wire/session_state.h */
	FIXED_LIMITS,        /* the rest is of groups */
	FIXED_SAVEPOINT,
	FIXED_LOOK,
	FIXED_RESET,
	FIXED_BACK,
	FIXED_GROUP_END,
	FIXED_COUNT,
};

/* What a conn knows of a prepared statement; kept as bytes. */
enum mark {
	MARK_NONE,
	MARK_PENDING, /* being prepared by the batch under way */
	MARK_PREPARED,
	MARK_STALE, /* still there, but it fits no more: DEALLOCATE before preparing again */
};

enum entry_kind {
	ENTRY_PREPARE_FIXED, /* entry.fixed */
	ENTRY_PROBE_LOWER,
	ENTRY_DISCARD, /* DEALLOCATE of a stale statement */
	ENTRY_PREPARE,
	ENTRY_TIMEOUT,
	ENTRY_RUN,
	ENTRY_BEFORE, /* of the call's frame */
	ENTRY_BEHIND,
	ENTRY_DESCRIBE,
	ENTRY_SESSION_STATE,
	ENTRY_PROBE_UPPER,
	ENTRY_BEGIN,
	ENTRY_XID,
	ENTRY_COMMIT,
	ENTRY_SYNC, /* the end of the segment that counts */
	ENTRY_POSITION,
	ENTRY_SYNC_AFTER, /* the end of a segment that came after it */
	ENTRY_ROLLBACK,
	ENTRY_BACKEND, /* where a pooler stands between: which one it was */
	ENTRY_LIMITS,  /* of a group */
	ENTRY_SAVEPOINT,
	ENTRY_LOOK,
	ENTRY_RESET,
	ENTRY_BACK,
};

struct entry {
	uint8_t kind;          /* enum entry_kind */
	uint8_t fixed;         /* enum fixed */
	uint8_t slot;          /* whose call it is for; SLOT_NONE */
	uint32_t statement_id; /* of DISCARD, PREPARE and RUN */
	uint32_t generation;   /* of DISCARD and PREPARE: what is prepared */
};

enum slot_state {
	SLOT_OUT,       /* no answer yet */
	SLOT_AGAIN,     /* nothing came of it, and not by its own fault: to be placed again */
	SLOT_DONE,      /* its rows are in call->out */
	SLOT_TOO_LARGE, /* more than was allowed; the rest is being thrown away */
	SLOT_FAILED,    /* call->error says why */
};

struct slot {
	struct call *call; /* NULL: forgotten */
	enum slot_state state;
	size_t discarded; /* bytes of rows thrown away */
};

struct batch {
	enum call_kind kind; /* CALL_QUERY (also of probes), CALL_COMMAND or CALL_DESCRIBE */
	struct slot slots[BATCH_CALLS_MAX];
	unsigned slots_count;
	struct entry entries[BATCH_ENTRIES_MAX];
	unsigned entries_count, next; /* next: the one whose result comes next */
	int64_t sent_us;
	int64_t timeout_us;  /* the statement_timeout in force after what was sent */
	int64_t patience_us; /* how long the answer may take, by the slowest call in it */
	/* a commit may happen from here on, whatever becomes of the conn */
	bool may_commit;
	bool rows_begun; /* of the RUN under way */
	bool streams;    /* its one call has on_rows */
	bool in_recovery, lower_known, upper_known;
	uint64_t lower, upper, newest;
	uint32_t timeline;          /* of a standby, at the upper bound; 0: not told */
	int64_t began_us, ended_us; /* by the server's clock, at the probes; 0: not known */
	bool wrote, insert_counts;  /* insert_counts: synchronous_commit was off */
	uint64_t segment_bytes, block_bytes;
	int64_t ran_us; /* of a command or a group, up to its commit; -1: not known */
	bool position_known;
	struct position position;
	/* what its statements may leave in the session: pg/wire/session_state.h */
	uint8_t session_state;
	bool framed;         /* the commit of a framed command was not sent yet */
	bool rolled_back;    /* a ROLLBACK was sent */
	bool temporary;      /* the session has a schema for temporary tables */
	bool grouped;        /* more than one command: pg/wire/group.h */
	bool committed;      /* the group's COMMIT was answered */
	unsigned raised;     /* the slot whose error of its own came last */
	const char *trouble; /* why the group breaks; NULL: it does not */
	bool between;        /* the last thing that libpq gave was the NULL between two results */
};

struct conn;

/* A batch for calls of that kind, on an idle conn, without any yet. */
void batch_begin(struct conn *conn, enum call_kind kind);
/* One more call, which is in no queue; BATCH_CALLS_MAX at most. */
void batch_add(struct conn *conn, struct call *call);
/* Sends what was added, one call at least: the conn is busy then, or closed. */
void batch_send(struct conn *conn);
/* One more look at the position, for calls that are complete and lack their upper bound. */
void batch_send_probe(struct conn *conn);
void batch_send_rollback(struct conn *conn);
/* Commands have run in a session that has made temporary tables: what is left of them goes. */
void batch_send_clean(struct conn *conn);
/* The framed command has run: what stands behind it, and the commit. */
void batch_send_behind(struct conn *conn);
/* libpq wants each result's rows one by one told when its turn comes. */
void batch_expect(struct conn *conn);
/* The statements of a batch ran that long together. */
void batch_learn(struct conn *conn, int64_t took_us);
/* The same by our own clock, where the server's is not known; only what is slow for sure. */
void batch_learn_late(struct conn *conn);
/* When it should be over, by what is known of its statements; of the loop's clock. */
int64_t batch_expected_us(const struct conn *conn) must_check;
/* The call is on its way on this conn: its slot is emptied. */
void batch_forget(struct conn *conn, const struct call *call);

/*
 * For those who put a batch together: each leaves its entries. False: libpq refused.
 */
bool batch_send_begin(struct conn *conn, enum isolation isolation) must_check;
/* Prepares it where it is not yet; value: its parameter, or NULL. */
bool batch_send_fixed(struct conn *conn, enum entry_kind kind, enum fixed fixed, unsigned slot,
		      const char *value) must_check;
/* The slot's statement is prepared and its statement_timeout in force. */
bool batch_make_ready(struct conn *conn, unsigned slot) must_check;
bool batch_send_run(struct conn *conn, unsigned slot) must_check;
/* The last of commands: whether they wrote, the commit where one is due, the position. */
bool batch_send_end(struct conn *conn, enum fixed end, bool explicit) must_check;
/* All of it was handed to libpq: on its way. sent: as libpq said. */
void batch_sent(struct conn *conn, bool sent);
