/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command on its way to the primary: one transaction, then the position. Run again only when it
 * is known to be rolled back (serialization failure, deadlock); never when its outcome is unknown.
 * With a key it commits together with its reply, and a repeat gets that. One loop, no locks.
 *
 *   sent ──► committed, failed, unknown
 *    ▲ └───► its key is stored: asked for ──► replayed, or another body
 *    │ └───► its key is running: pause ──┐    (gone again: sent once more; a failure on an older
 *    │                                   │     snapshot than the claim's lock: told then)
 *    └───────────────────────────────────┘
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "base/position.h"
#include "base/random.h"
#include "base/request.h"
#include "catalog/catalog.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/feed_doubts.h"
#include "router/feed_tags.h"
#include "write/idempotency.h"

#include <stdbool.h>
#include <stdint.h>

enum command_end {
	COMMAND_COMMITTED, /* request->out holds the document, without token and last brace */
	/* It took effect, but what it returned cannot be told: the request holds a failure. */
	COMMAND_COMMITTED_UNTELLABLE,
	/* Nothing took effect, or it is not known (OUTCOME_UNKNOWN); the request holds which. */
	COMMAND_FAILED,
	/* Nothing took effect: the node is a standby, or could not be reached. */
	COMMAND_WRONG_NODE,
	/* An earlier request with its key has committed: its document, as COMMAND_COMMITTED. */
	COMMAND_REPLAYED,
};

struct command;

/*
 * A command form is what a command sends, and how it is answered: of an operation
 * (write/operation_form.h), or of a job that is accepted, shown or cancelled (write/jobs/).
 */
struct command_form {
	/* Sets what of the call depends on it: the statement, its values, its transaction. */
	void (*fill)(struct command *command, struct call *call);
	/* Begins the document in request->out, which is empty; its rows are appended behind. */
	void (*begin)(struct command *command);
	/* The rows are there: ends the document but for its last brace. COMMAND_COMMITTED or
	 * COMMAND_COMMITTED_UNTELLABLE. */
	enum command_end (*tell)(struct command *command);
	/* PostgreSQL refused the call: the request holds why. */
	void (*explain)(struct command *command);
	/* It changes nothing: when its answer is lost, nothing of unknown outcome is. */
	bool reads_only;
};

struct command {
	/* Set by the maker. */
	struct request *request;
	const struct command_form *form;
	void *subject;                     /* of the form; NULL: it needs none */
	const struct operation *operation; /* whose keys are meant; NULL: it has no key */
	const char *const *values;
	const struct shape *shape; /* by which they were made; NULL: the statement's */
	const char *const *claims; /* as struct call's */
	size_t bytes_max;
	int64_t timeout_us;         /* of the statement; 0: the pool's */
	struct random *random;      /* borrowed, for jitter */
	struct feed_doubts *doubts; /* of what it makes stale; NULL: not kept */
	struct priority priority;   /* who goes first where not all can */
	/* Asked before each rerun: the primary's pool now, or NULL: there is none, or the request
	 * holds why it is not to run. */
	struct pool *(*on_rerun)(struct command *command);
	void (*on_done)(struct command *command, enum command_end end);

	/* What came of it, when committed. */
	bool wrote; /* it changed something */
	/* At or after its commit record. Replayed: without its timeline, which is the primary's. */
	struct position position;

	/* Its own. */
	struct call call;
	struct pool *pool;
	bool in_flight;
	struct feed_tag_list touched; /* by it, if it commits; set by its form */
	struct feed_doubt doubt;      /* from before it is sent until it has ended */
	unsigned reruns;
	struct loop_timer pause;     /* before a rerun, or before its key is tried again */
	struct idempotency_key *key; /* NULL: it has none */
	struct call stored;          /* asks what was answered to its key */
	bool asking;
	bool looking;   /* asked because it failed, not because the key is there for sure */
	unsigned tries; /* of the key while another one runs with it */
};

/*
 * False: the pool has no room for it and on_done is not called. Else the request waits for it: the
 * caller fills its slot with call.sent_us, and the command changes what it says as it goes on.
 */
bool command_send(struct command *command, struct pool *pool) must_check;
/* May it have left for the node already, and change something there? */
bool command_is_out(const struct command *command);
/* Its answer is not wanted any more; what has left runs to its end unseen. */
void command_forget(struct command *command);
