/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one HTTP client asked, from last byte in to last byte out. http/ fills what was asked, read/
 * or write/ takes it along its path, http/ tells the client what came of it.
 * A request is born, waits, runs on and dies on one loop.
 *
 * It is a state machine: a path is a table of states (read/read.h, write/write.h), each with the
 * step that runs in it and the states that may follow. A step answers
 *
 *   STEP_NEXT   the state below in the table is next;
 *   STEP_MOVED  it has moved the request to another state, whose step is next;
 *   STEP_WAIT   the request has filled its wait slot and was handed to code that will call
 *               request_run or request_resume; the step touches it no more;
 *   STEP_DONE   it is answered.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/deprecation.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/outcome.h"
#include "base/position.h"
#include "base/principal.h"
#include "base/text.h"

/* Only the first two are kinds of operations; jobs are for the primary. */
enum request_kind {
	REQUEST_QUERY,
	REQUEST_COMMAND,
	REQUEST_JOB,        /* what became of a job */
	REQUEST_JOB_CANCEL, /* that it is not run */
	REQUEST_DOCUMENT,   /* what may be called (cmd/documents.h) */
};

/* How does a client want to hear of a job? */
enum respond {
	RESPOND_DONE,
	RESPOND_ASYNC, /* Prefer: a command may be answered before it is done */
	RESPOND_EVENTS /* of REQUEST_JOB: its states as server-sent events */
};

enum level { LEVEL_DEFAULT, LEVEL_EVENTUAL, LEVEL_SESSION, LEVEL_STRONG };
/* Who is to answer a strong query; the greater asks for more. */
enum from { FROM_DEFAULT, FROM_REPLICA, FROM_REPLICA_CONFIRMED };
/* Of an answer for which the read index was asked: is it proven that no other server has
 * acknowledged a commit as the primary before (router/witnesses.h)? */
enum confirmed { CONFIRMED_NOT_ASKED, CONFIRMED, UNCONFIRMED };

enum reason {
#define REASON(name, text) REASON_##name,
#include "base/reason.def"
#undef REASON
	REASONS
};

/* Is the reply told before it is whole? */
enum stream {
	STREAM_NONE,
	STREAM_OPEN,   /* out holds the next piece; on_done is still to come */
	STREAM_WHOLE,  /* out holds the last piece */
	STREAM_BROKEN, /* there will be no more: the client must not take it for whole */
};

/* Who answered: the role in Consistency. */
enum served_by { SERVED_BY_NONE, SERVED_BY_REPLICA, SERVED_BY_PRIMARY, SERVED_BY_CACHE };

/* What the cache had to do with an answer: Cache-Status. */
enum cache_use {
	CACHE_USE_NONE,   /* nothing */
	CACHE_USE_HIT,    /* it is kept there */
	CACHE_USE_MISS,   /* it was not kept there */
	CACHE_USE_STALE,  /* what was kept there was not to be given */
	CACHE_USE_BYPASS, /* it was not asked */
	CACHE_USE_ASKED,  /* what was kept there is not what the client asks for: cache_asks */
	/* It is kept there; a node was asked for it anew, and failed with 503 or 504. */
	CACHE_USE_FAILED,
	CACHE_USE_LATE,
};

/* Bits: what a query says of kept answers (http/head/cache_control.h). */
enum cache_asks {
	CACHE_ASKS_NOW = 1,      /* the answer is to show all that was acknowledged before */
	CACHE_ASKS_NO_STORE = 2, /* its answer is not to be kept */
	CACHE_ASKS_KEPT = 4,     /* no node is to be asked */
	CACHE_ASKS_AGE = 8,      /* the answer is no older than cache_age_us_max */
	CACHE_ASKS_REFILL = 16,  /* no client asks: the cache is to have it (cmd/refreshes.h) */
};

/* Bits. */
enum cache_mark {
	CACHE_MARK_KEPT = 1,    /* what a node has answered is kept from now on */
	CACHE_MARK_FOR_ALL = 2, /* shared caches may keep it: it is the same for all who may ask */
	CACHE_MARK_OWN = 4,     /* of no query: the client may keep it, and asks each time */
};

enum step { STEP_NEXT, STEP_MOVED, STEP_WAIT, STEP_DONE };

/* What a request waits for. */
enum wait_kind {
	WAIT_NONE,     /* for nothing: a step of it runs, or it is not with router/ */
	WAIT_QUEUE,    /* for a conn */
	WAIT_DB,       /* for the answer to its statement */
	WAIT_REPLICA,  /* for replicas that have replayed far enough */
	WAIT_BACKOFF,  /* for a moment to pass before it is tried again */
	WAIT_DESCRIBE, /* for the types of its statement */
	WAIT_CONFIRM,  /* for the primary to say how far it is */
	WAIT_JOB,      /* for news of a job */
	WAIT_CACHE,    /* for an identical query, whose answer will be kept */
	WAIT_KINDS
};

struct request;
typedef enum step (*request_step)(struct request *request);

/* One state of a path. */
struct request_state {
	const char *name;
	uint32_t next;     /* a bit for each state that may follow, besides the one below */
	request_step step; /* NULL: a request only waits in it */
};

/* Its states in the order in which STEP_NEXT goes through them; the first is where it begins. */
struct request_path {
	const struct request_state *states; /* [count] */
	unsigned count;                     /* at most REQUEST_STATES_MAX */
};

/* The one thing a request waits for, and how to let go of it. */
struct wait {
	enum wait_kind kind;
	int64_t since_us;
	const int64_t *sent_us; /* of a call: when it left the queue, 0: not yet; else NULL */
	void (*cancel)(struct request *request); /* the request waits for it no more */
};

struct pair {
	struct text name, value; /* percent-decoded, NUL-terminated */
};

/* One thing wrong with one parameter, for the problem document. */
struct param_error {
	const char *param;
	const char *detail;
};

struct rate_policy;

/* What is left of a rate limit, for the headers. */
struct rate_state {
	const struct rate_policy *policy; /* lives as long as the process */
	int64_t left;                     /* units */
	int64_t next_s;                   /* until there is one more; 0: none is missing */
};

/* Content that many replies share: each request has a share of it until request_free. */
struct lent {
	struct text plain;
	struct text gzip; /* the same as gzip; len 0: it does not become shorter */
	struct text tag;  /* of its ETag: the hash of plain */
	void (*take_back)(void *owner);
	void *owner;
};

struct request {
	struct list_link link; /* of its state's list, or of another holder of the request */
	struct arena arena;    /* everything it needs dies with it */
	struct loop *loop;

	/* What was asked; filled by http/. Texts live in the arena. */
	enum request_kind kind;
	struct text operation; /* of REQUEST_JOB and REQUEST_JOB_CANCEL: the id of the job */
	const struct principal *principal; /* who calls; never NULL */
	struct text user;                  /* the end user; ptr NULL: none */
	/* the same, but unlike all users of other tenants: for what is remembered or counted */
	struct text user_key;
	struct text address; /* of the client (http/socket/client_address.h); ptr NULL: not known */
	struct text caller;  /* the principal's id, where it has one; else the address */
	char id[REQUEST_ID_BYTES_MAX + 1];
	struct pair *pairs; /* of the query string; a repeated name is an array */
	size_t pairs_count;
	struct json
		*body; /* an object, or of a command an array, or NULL; freed with the request */
	enum level level;
	enum from from;                     /* ;from and ;confirmed, of LEVEL_STRONG */
	int64_t staleness_us_max;           /* ;max-staleness, -1: not given */
	int64_t wait_us_max;                /* ;wait, -1: not given */
	unsigned cache_asks;                /* enum cache_asks, of a query */
	int64_t cache_age_us_max;           /* of CACHE_ASKS_AGE */
	struct text tokens[TOKENS_MAX + 1]; /* one for after_job */
	unsigned tokens_count;
	int urgency;  /* RFC 9218, 0 most urgent; -1: not given */
	bool minimal; /* Prefer: return=minimal */
	enum respond respond;
	struct text last_event_id;   /* of RESPOND_EVENTS; ptr NULL: not given */
	struct text not_before;      /* Prefer: not-before, as RFC 3339 has it; ptr NULL: none */
	struct text after_job;       /* Prefer: after-job, of a query; ptr NULL: not given */
	struct text trace;           /* traceparent; ptr NULL: absent or malformed */
	struct text idempotency_key; /* ptr NULL: none */
	int64_t prefer_wait_us;      /* Prefer: wait, -1: not given; see request_wait_until_us */
	int prefer_replicas;         /* Prefer: wait-replicas, at most NODES_MAX; -1: not given */
	int64_t timeout_us_max;      /* Request-Timeout: may only shorten; 0: not given */
	bool may_stream;     /* the client can tell a reply that was cut off from a whole one */
	int64_t born_us;     /* the last byte was in */
	int64_t deadline_us; /* answered by then, whatever happens */

	/* On its way. */
	const struct request_path *path; /* set by read/ or write/ */
	struct list *in_state;           /* [path->count]: who waits in a state is on its list */
	unsigned state;
	void *task;              /* of read/ or write/, in the arena */
	void *after;             /* of cmd/, for what follows it, in the arena, or NULL */
	struct wait wait;        /* filled while a step's STEP_WAIT holds */
	struct loop_timer timer; /* the deadline; set by router/ */
	/* The client went away: called at most once, by http/; NULL when router/ does not care. */
	void (*on_client_gone)(struct request *request);

	/*
	 * A reply that is sent while it grows. router/ opens it, sets what the head of the reply
	 * tells, and calls on_stream whenever there is more in out; http/ empties out and calls
	 * on_taken each time. It ends with on_done, as every request.
	 */
	enum stream stream;
	void (*on_stream)(struct request *request); /* set by http/ */
	/*
	 * All conns for streams of a node are taken, and this request wants one. True: another
	 * stream there was ended for it (by its on_client_gone, before this returns). Set by http/.
	 */
	bool (*on_streams_full)(struct request *request, const char *node);
	void (*on_taken)(struct request *request); /* set by router/ */

	/* What came of it; read by http/ after on_done. */
	enum outcome outcome;
	unsigned status;    /* 0: the outcome's own; from a PTnnn error otherwise */
	const char *detail; /* for the problem document, in the arena, or NULL */
	struct param_error *errors;
	size_t errors_count;
	const char *sqlstate, *constraint, *column; /* NULL: not told */
	const char *hint, *db_detail;               /* what the application raised; NULL: none */
	int64_t retry_after_us;                     /* 0: the default of 1 s where one is due */
	struct rate_state *rates;                   /* limits it is under, or NULL */
	unsigned rates_count;
	struct buf out;          /* the JSON document of an OK */
	const struct lent *lent; /* instead of out, in the arena; NULL: nothing is */
	/* of the hash of out that makes its ETag (http/validator.h); NULL: it has none. Borrowed */
	const uint8_t *tag_key;
	enum served_by served_by; /* SERVED_BY_NONE: the fields of Consistency below are not set */
	enum level level_used;
	enum reason reason;
	enum confirmed confirmed;
	const char *node;         /* "host:port", lives as long as the process */
	const char *node_shown;   /* as the reply names it; NULL: it does not */
	int64_t lag_us;           /* -1: not known */
	enum cache_use cache_use; /* what the cache had to do with it */
	int64_t age_us, fresh_us; /* of a kept answer: since it was made, and left to it */
	unsigned cache_marks;     /* enum cache_mark */
	struct text cache_groups; /* what a query's answer is a part of, or a command has made
					 * stale (router/cache_groups.h); ptr NULL: nothing */
	const struct deprecation
		*deprecation;           /* of its operation, in the arena; NULL: it has none */
	const char *operation_name;     /* of the catalog, for metrics; NULL: none was found */
	char token[TOKEN_TEXT_MAX + 1]; /* empty: none */
	struct text job;                /* a command: its id, accepted as one job; ptr NULL: none */
	/* For Preference-Applied: what of Prefer was honoured. Set by router/. */
	bool replayed;        /* the stored answer of an earlier request with its key */
	bool wait_applied;    /* prefer_wait_us, as far as the deadline allowed */
	int replicas_applied; /* that have replayed what was written; -1: not waited for */
	int64_t queue_us, wait_us, db_us;
	int64_t done_us;

	/* Called once, on the loop's thread; the request is http's again. Set by http/. */
	void (*on_done)(struct request *request);
	void *client; /* http's own: http/connection.h */
};

/* From a cache of the calling thread; cleared, with an empty arena. */
struct request *request_new(struct loop *loop) must_check;
/* Back to the thread's cache; frees the body, keeps one arena block and the out buffer's memory. */
void request_free(struct request *request);
/* Those on the list, by their link: of requests of our own, which have ended a moment ago, as what
 * called them may still hold them when they end. */
void request_free_all(struct list *ended);
/* Frees the calling thread's cache, at its end. */
void request_cache_fini(void);

/* At start: asserts that each state of the path has a row, and that no row leads out of it. */
void request_path_check(const struct request_path *path);
/* Begins the path: in its first state, whose step is not run yet. in_state: borrowed. */
void request_begin(struct request *request, const struct request_path *path, struct list *in_state);
/* The one way to a state other than the next; asserts that it may follow. */
void request_move(struct request *request, unsigned state);
/*
 * Runs the step of its state (once more, if that waited), then those that follow, until one waits
 * or it is done; then cancels the timer and calls on_done. The caller has ended the wait.
 */
void request_run(struct request *request);
/* The same, as if the step of its state, which waits, had answered that now. */
void request_resume(struct request *request, enum step step);
/* Lets go of what it waits for, if it does; it is done, with what it holds. */
void request_finish(struct request *request);

/*
 * Fills the wait slot, which must be empty. Always STEP_WAIT: a step that waits answers what this
 * returned, and calls it before it hands the request to code that could end the wait at once.
 * cancel may not run the request.
 */
enum step request_wait(struct request *request, enum wait_kind kind,
		       void (*cancel)(struct request *request));
/* The same for a call: in the queue as long as *sent_us is 0, then in the database. */
enum step request_wait_for_call(struct request *request, const int64_t *sent_us,
				void (*cancel)(struct request *request));
/* It waits for the next thing, and lets go of it in the same way. */
void request_wait_goes_on(struct request *request, enum wait_kind kind, const int64_t *sent_us);
/* What it waited for has come: there is nothing to let go of. */
void request_wait_over(struct request *request);
/* Lets go of what it waits for, if it does. */
void request_let_go(struct request *request);
/* WAIT_NONE: it does not wait. */
enum wait_kind request_wait_kind(const struct request *request) must_check;
const char *wait_text(enum wait_kind kind) must_check;

/* Until when the client would like to wait: Prefer: wait since it was in, never past the deadline,
 * which holds alone when wait was not given. */
int64_t request_wait_until_us(const struct request *request) must_check;

/* Of a command: it was accepted, as a job or several, instead of done. */
static inline bool request_is_accepted(const struct request *request)
{
	return request->kind == REQUEST_COMMAND && request->status == 202;
}

/* What of an OK leaves, before it is compressed. */
static inline struct text request_content(const struct request *request)
{
	return request->lent ? request->lent->plain
			     : (struct text){ request->out.ptr, request->out.len };
}

/* For steps: sets outcome and detail; always STEP_DONE. */
enum step request_fail(struct request *request, enum outcome outcome, const char *format, ...)
	printf_like(3, 4);
/* Adds to errors; param and detail are copied. */
void request_param_error(struct request *request, struct text param, const char *format, ...)
	printf_like(3, 4);

const char *level_text(enum level level);
/* LEVEL_DEFAULT: no such level. */
enum level level_parse(struct text text);
const char *reason_text(enum reason reason);
