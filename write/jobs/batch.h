/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One batch of jobs, as pg/jobs.h asks for it: what is made of the rows that were claimed, and how
 * each of them ends. On the loop's thread.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/random.h"
#include "catalog/catalog.h"
#include "pg/jobs.h"
#include "pg/pool.h"
#include "router/feed_doubts.h"
#include "router/feed_tags.h"
#include "write/jobs/claim.h"
#include "write/jobs/ending.h"
#include "write/jobs/finish.h"
#include "write/jobs/queue.h"
#include "write/jobs/verdicts.h"

#include <stddef.h>

struct job_member {
	const struct operation *operation;
	struct job_row row;
	struct call call;
	struct feed_tag_list touched; /* by it, if it commits */
	struct buf out;
	enum job_fault fault; /* once it has run, as the next */
	struct job_ending ending;
};

/* One that was claimed, but did not run: claimed.h. */
struct job_settled {
	const struct operation *operation;
	struct job_row row;
	struct finished_job job;
	enum job_fault fault; /* why it ends; NONE: it does not */
	bool ran;             /* an attempt of it has ended */
};

struct job_batch {
	/* Set by the maker. */
	const struct catalog *catalog; /* which the maker holds until on_done */
	struct random *random;         /* borrowed */
	struct loop *loop;
	struct feed_doubts *doubts;    /* of what they make stale; NULL: not kept */
	const char *instance;          /* who runs them */
	struct job_verdicts *verdicts; /* of earlier batches; borrowed */
	size_t bytes_max;              /* of one result */
	enum isolation isolation;      /* of all that is claimed */
	/* The rows are there, members[0] to [count - 1] of them are to run; last: the first row
	 * that is no job, or else the last one, or NULL. May come again. */
	void (*on_members)(struct job_batch *batch, unsigned count, const struct job_row *last);
	/* A retry is to begin: 0, or how long it has to wait for others. */
	int64_t (*on_retry)(struct job_batch *batch, const struct operation *operation);
	void (*on_done)(struct job_batch *batch);

	/* What came of it. jobs.count members travelled; they have ended where it committed. */
	struct call call;
	struct call_jobs jobs;
	struct job_member members[GROUP_CALLS_MAX];
	struct job_settled settled[GROUP_CALLS_MAX];
	unsigned settled_count; /* where it committed */

	bool goes_on; /* the claim found a row that is no job: there is more behind it */

	/* Its own. */
	unsigned claimed; /* members that were to run */
	unsigned found;   /* rows of the claim */
	unsigned retries; /* that may begin, of these rows */
	struct job_claim claim;
	struct job_finish finish;
	struct arena arena;
	struct buf out, scratch;
	struct pool *pool; /* while it is on its way */
	struct feed_doubt doubt;
	int64_t claimed_us;
};

void job_batch_init(struct job_batch *batch);
/* Forgets what is on its way: nothing of it takes effect unless its commit has left. */
void job_batch_fini(struct job_batch *batch);

/* The queues to claim from are in batch->claim, which is ended here. False: on_done is not called.
 */
bool job_batch_send(struct job_batch *batch, struct pool *pool, unsigned limit) must_check;
/* Has it committed with jobs in it, that ran or were settled? */
bool job_batch_ran(const struct job_batch *batch) must_check;
/* Of one that did not end well: what is known of its jobs. */
enum verdict_kind job_batch_verdict(const struct job_batch *batch) must_check;
/* The numbers of those that are done or dead, of one that ran; how many. */
unsigned job_batch_ended(const struct job_batch *batch, int64_t n[2 * GROUP_CALLS_MAX]) must_check;
