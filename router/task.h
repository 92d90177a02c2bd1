/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both paths know of a request on its way, as struct read and struct write embed it: who it
 * is, what it must see, what it waits for. request->task points to it. On the loop's thread.
 */
#pragma once

#include "base/check.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/request.h"
#include "catalog/catalog.h"
#include "pg/call.h"
#include "pg/describe.h"
#include "router/choose.h"
#include "router/router.h"

#include <stdbool.h>
#include <stdint.h>

struct task {
	struct request *request;
	struct router *router;
	struct catalog_ref *catalog_ref;
	const struct operation *operation;
	const char *const *values;
	const char *const *const *elements; /* [elements_count]: the values of each of an array */
	unsigned elements_count;            /* 0: the body is none */
	const struct shape *shape;          /* by which they were made */
	const char *const *claims;          /* router/claims.h; NULL: none are set */
	void (*on_done)(struct request *request); /* http's; task_life.c stands in its place */
	void (*on_end)(struct task *task); /* the path's, or NULL: gives back what it holds */

	/* Describing (router/describing.c, router/revalidate.c). */
	struct list_link describing_link; /* of the router's list, while it describes */
	struct list followers;            /* tasks that wait for the same description */
	struct task *leader;              /* whose follower it is, or NULL */
	struct list_link follower_link;
	uint32_t describe_failed_at; /* nodes, a bit each */
	uint32_t outdated;           /* the generation that a node refused last; 0: none */
	unsigned revalidations;      /* how often it went back for that (router/revalidate.h) */
	bool revalidating;           /* it is for this one to describe its statement anew */

	/* What it must see (router/consistency/required.h). */
	uint32_t judged;      /* by the history of that timeline; 0: not yet */
	uint32_t judged_life; /* and by the log whose last life has that mark; 0: none is known */
	uint64_t token_lsn;   /* the greatest of its tokens, on that timeline; 0: none */
	uint32_t tokens_mark; /* of all of them; 0: none, or they differ */
	uint64_t session_lsn; /* of the user's own last write, likewise */
	struct query_needs needs;
	uint32_t indexed; /* the timeline of the read index that needs.required holds; 0: none */
	bool wants_index; /* it must see what was acknowledged through other instances, too */
	struct index_reader index;
	uint64_t moment; /* for its witnesses (router/witnesses.h); 0: it did not ask */
	/* What needs.required was before it was lowered (router/by_table.h); NONE: it was not. */
	struct position before_tables;
	enum { TABLES_UNASKED, TABLES_WAITED } tables;
	int64_t wait_until_us; /* of a query: it waits for no replica, nor the feed, after that */
	struct feed_waiter feed_waiter;

	unsigned urgency;             /* of the operation and the request; set when admitted */
	unsigned cohort;              /* of one who is not known */
	const char *trouble;          /* why the last node could not answer, or NULL */
	bool missed;                  /* its time was over, and that was counted */
	struct loop_timer wait_timer; /* ends a wait that has an end of its own */

	/* Large, and set as a whole before they are used: task_begin clears what stands above. */
	struct describe describe; /* WAIT_DESCRIBE: the types of its statement */
	struct call confirm;      /* WAIT_CONFIRM: has the primary come so far? */
};

/* Who it is among those that a node cannot all serve; spilled: the primary does it a favour. */
struct priority task_priority(const struct task *task, bool spilled) must_check;
/*
 * The limit of the task's statement, for a call: its operation's own, and what is left of the
 * request's time where the client has shortened it, or the statement travels alone. 0: the pool's.
 */
int64_t task_statement_timeout_us(const struct task *task) must_check;
/* request_wait; when that moment has come, what it waits for is let go of and its step runs once
 * more. cancel lets go of the timer, too: task_cancel_timer. */
enum step task_wait_until(struct task *task, enum wait_kind kind,
			  void (*cancel)(struct request *request), int64_t due_us);
void task_cancel_timer(struct request *request);
/* As an entry of a list of followers: the moment is set by whom it follows. */
enum step task_wait_for_turn(struct task *task, void (*cancel)(struct request *request));
/* What an earlier node said is not what the request is answered. */
void task_forget_failure(struct request *request);
