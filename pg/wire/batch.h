/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls that are on a conn together, and the results that are expected for them in the order in
 * which they were sent. What is here is known without the conn: what a batch holds, where it
 * stands, and how long it takes.
 *
 *   NONE ─► FORMING ──── one command ────────┐
 *              │                             ▼
 *              └──► OUT ── second trip ──► COMMITTING ──────────► COMMITTED
 *                   │ ▲                     │ │  │                  │
 *                   │ └─ group, an error ───┘ │  ▼                  │
 *                   ├─► BOUNDING              │ ROLLING_BACK_LATE   │
 *                   ├─► ROLLING_BACK ───┐     │  │                  │
 *                   └───────────────────┴─────┴──┴──► CLEANING ◄────┘
 *
 *   From each of them to NONE: it is over, or the conn is closed.
 *
 * A batch waits for its conn's socket in all states but NONE and FORMING; the conn is BUSY then.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/position.h"
#include "pg/call.h"
#include "pg/wire/fixed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan;

#define BATCH_ENTRIES_MAX (5 * BATCH_CALLS_MAX + 16)
#define BATCH_GROUP_ENTRIES_MAX (9 * GROUP_CALLS_MAX + 24)
#define BATCH_TAGS_MAX (GROUP_CALLS_MAX * OPERATION_TAGS_MAX)
#define BATCH_PARAM_BYTES_MAX (256 << 10) /* of the parameters of one batch */
#define BATCH_DISCARD_BYTES_MAX (8 << 20) /* of unwanted rows, before the conn is given up */
#define SLOT_NONE UINT8_MAX

static_assert(BATCH_GROUP_ENTRIES_MAX <= BATCH_ENTRIES_MAX, "a group fits into a batch");
static_assert(BATCH_CALLS_MAX < SLOT_NONE, "a slot's number is a byte");

enum batch_state {
	BATCH_NONE,    /* over, or never begun */
	BATCH_FORMING, /* calls are added, messages handed to libpq; nothing can have committed */
	BATCH_OUT,     /* sent: nothing of it can have committed, or it only reads */
	BATCH_COMMITTING,        /* what commits it was sent: it may have happened */
	BATCH_COMMITTED,         /* the COMMIT was answered */
	BATCH_BOUNDING,          /* one more probe is out, for the upper bound of queries */
	BATCH_ROLLING_BACK,      /* a ROLLBACK is out, no effect can have committed */
	BATCH_ROLLING_BACK_LATE, /* the same behind a commit that was sent */
	BATCH_CLEANING,          /* DISCARD TEMP is out, behind a commit */
	BATCH_STATES
};

/* What a conn knows of a prepared statement; kept as bytes. */
enum mark {
	MARK_NONE,
	MARK_PENDING, /* being prepared by the batch under way */
	MARK_PREPARED,
	MARK_STALE, /* still there, but it fits no more: DEALLOCATE before preparing again */
};

enum entry_kind {
#define ENTRY(name, on_good, on_error, on_aborted) ENTRY_##name,
#include "pg/wire/entries.def"
#undef ENTRY
	ENTRIES
};

struct entry {
	uint8_t kind;          /* enum entry_kind */
	uint8_t fixed;         /* enum fixed */
	uint8_t slot;          /* whose call it is for; SLOT_NONE */
	uint32_t statement_id; /* of DEALLOCATE, PREPARE and those that run a statement */
	uint32_t generation;   /* of PREPARE: what is prepared */
};

enum slot_state {
	SLOT_AWAITED,   /* no answer yet */
	SLOT_RETURNED,  /* nothing came of it, and not by its own fault: to be placed again */
	SLOT_DONE,      /* its rows are in call->out */
	SLOT_TOO_LARGE, /* more than was allowed; the rest is being thrown away */
	SLOT_FAILED,    /* call->error says why */
	SLOT_BROKEN,    /* it was sent for several keys: each of its calls is placed again alone */
};

struct slot {
	struct call *call; /* NULL: forgotten */
	enum slot_state state;
	bool savepoint; /* of a group, of jobs: one was sent before it */
	/* Of the conn's lookup, those that it was sent for; 0: one, or it is no @lookup. */
	uint8_t keys_count;
	uint16_t keys_first;
	/* Calls from this one on that were sent as one execution, and their rows that have come;
	 * 0: it was sent by itself, or with one before it. */
	uint8_t together, together_rows;
	/* Of the batch's tags those of this one, whatever became of its call. */
	uint8_t tags_count;
	uint16_t tags_first;
	size_t discarded; /* bytes of rows thrown away */
};

/* The limits of members, behind what was sent on this trip: each sets them, a RESET ends them. */
enum batch_limits { BATCH_LIMITS_NONE, BATCH_LIMITS_SET };

/* How much of the entry whose result comes next has come. */
enum batch_reading {
	READING_FIRST, /* nothing, of this or of the next entry */
	READING_ROWS,  /* rows of a call, which the encoder has begun */
	READING_ENDED, /* the NULL of libpq between two entries */
};

struct batch {
	enum batch_state state;
	enum batch_reading reading;
	enum batch_limits limits;
	const struct plan *plan; /* its shape; set when it is sent */
	enum call_kind kind;     /* of its first call; CALL_QUERY also of probes */
	struct slot slots[BATCH_CALLS_MAX];
	unsigned slots_count;
	struct entry entries[BATCH_ENTRIES_MAX];
	unsigned entries_count, next; /* next: the one whose result comes next */
	int64_t sent_us;
	int64_t timeout_us;  /* the statement_timeout in force after what was sent */
	int64_t patience_us; /* how long the answer may take, by the slowest call in it */
	bool in_recovery;
	bool wrote;                     /* a command of it was given a transaction id */
	bool temporary;                 /* the session has a schema for temporary tables */
	bool claims;                    /* one of its calls has some, so that each sets its own */
	uint64_t lower, upper, wal_end; /* lower, upper: 0: not known */
	uint32_t timeline, streamed;    /* as struct call's, at the upper bound */
	int64_t began_us, ended_us;     /* by the server's clock, at the probes; 0: not known */
	uint64_t segment_bytes;         /* of the WAL, where synchronous_commit was off; else 0 */
	uint64_t block_bytes;
	int64_t ran_us; /* of a command or a group, up to its commit; -1: not known */
	struct position position;
	uint8_t session_state; /* what it may leave in the session: pg/wire/session_state.h */
	unsigned raised;       /* of members: the slot whose error of its own came last */
	unsigned redone_for;   /* the slot whose error had all of it sent again; or SLOT_NONE */
	const char *trouble;   /* why the group breaks; NULL: it does not */
	unsigned tags_count;
	uint64_t tags[BATCH_TAGS_MAX]; /* [tags_count], of all its commands: pg/wire/feed_row.h */
};

/* From NONE to FORMING, without any calls. patience_us: of an answer, unless a call says more. */
void batch_begin(struct batch *batch, enum call_kind kind, int64_t now_us, int64_t patience_us);
void batch_add(struct batch *batch, struct call *call);
/* Empties the slot of that call, which must have one; of CALL_JOBS those of its jobs, too. */
void batch_remove(struct batch *batch, const struct call *call);
/* The slot of that call, which must have one, is the other's. */
void batch_replace(struct batch *batch, const struct call *call, struct call *by);
/* To the next state; asserts that it may follow. */
void batch_move(struct batch *batch, enum batch_state next);
/* What is sent from here on is another trip: its entries are answered from the first on. */
void batch_begin_trip(struct batch *batch);
/* One more entry, in the order in which messages are sent. */
struct entry *batch_entry(struct batch *batch, enum entry_kind kind, unsigned slot);

/* Is it of commands or jobs, so that it ends in a commit? */
bool batch_commits(const struct batch *batch) must_check;
/* One job alone behind its claim: whatever it raises is its own. */
bool batch_is_lone_job(const struct batch *batch) must_check;
/* Of a command: may something of it have been committed, whatever becomes of the conn? */
bool batch_may_have_committed(const struct batch *batch) must_check;
bool batch_has_committed(const struct batch *batch) must_check;
/* What a query of it is known to have seen, for its call. */
void batch_bounds(const struct batch *batch, struct call *call);
/* It is over: may something of what its statements did still be in the session? */
bool batch_leaves_state(const struct batch *batch) must_check;

/* The statements of a batch ran that long together. */
void batch_learn(const struct batch *batch, int64_t took_us);
/* The same by our own clock, where the server's is not known; only what is slow for sure. */
void batch_learn_late(const struct batch *batch, int64_t now_us);
/* When it should be over, by what is known of its statements; of the loop's clock. */
int64_t batch_expected_us(const struct batch *batch) must_check;
