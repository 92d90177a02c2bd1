/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statement that claims jobs: the first rows that are due and free, of some commands in their
 * order, each behind its watermark. Its lock on the rows is all that makes them one worker's.
 *
 * COMPANY claims what may run with others, ALONE what was in a transaction that was lost
 * (write/jobs/claimed.h), FAIR the same as COMPANY from tenant to tenant (write/jobs/fair.h).
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/statement.h"
#include "base/text.h"
#include "write/jobs/queue.h"

#include <stdbool.h>
#include <stdint.h>

/* Those that run alone: write/jobs/claimed.h; heads: write/jobs/ordered.h. A breaker tries a job by
 * those before FAIR. */
enum claim_kind { CLAIM_COMPANY, CLAIM_ALONE, CLAIM_HEADS, CLAIM_FAIR, CLAIM_KINDS };

#define CLAIM_ARRAYS 8
#define CLAIM_VALUES_MAX 10

enum claim_value {
	CLAIM_COMMANDS,
	CLAIM_RUN_US,
	CLAIM_N,
	CLAIM_LIMIT,
	CLAIM_INSTANCE,
	CLAIM_VALUES
};

/* The values of one claim, made again each time. */
struct job_claim {
	struct buf arrays[CLAIM_ARRAYS];
	char limit[12], jobs[12], mask[24];
	unsigned tenant_jobs; /* of FAIR, as the next: of each tenant, at most; set by the maker */
	enum claim_kind kind; /* set by the maker, as the next */
	enum ordered_way way; /* of HEADS: DOWN with floors, of that life */
	char life[ORDERED_LIFE_BYTES];
	bool trial;      /* of one command, which is paused by its breaker */
	bool of_callers; /* from caller to caller, and not from user to user */
	unsigned queues, limit_jobs;
	bool sweeps;                          /* some queue, from its beginning */
	const char *values[CLAIM_VALUES_MAX]; /* once ended */
};

void job_claim_init(struct job_claim *claim);
void job_claim_fini(struct job_claim *claim);

/* A queue after the other; those added first are claimed first. begin: where it begins, in company
 * without a trial. */
void job_claim_begin(struct job_claim *claim, const struct job_queues *queues);
void job_claim_add(struct job_claim *claim, const struct job_queue *queue,
		   struct watermark_place begin);
/* limit: rows in all. instance: who claims; borrowed. */
void job_claim_end(struct job_claim *claim, unsigned limit, const char *instance);

/* Lives as long as the process; any thread. */
struct statement *job_claim_statement(const struct job_claim *claim) must_check;

/* What was claimed; texts and values are in the arena. Moments are microseconds of wall clock. */
struct job_row {
	int64_t n, run_us;
	int64_t wall_us; /* the primary's, when it was claimed */
	unsigned attempts_ended, attempts_max;
	unsigned begun; /* as the column, and begun_us, begun_by; 0, NULL: none */
	int64_t begun_us;
	const char *begun_by;
	bool lost; /* whose transaction locked it last was rolled back */
	struct text command, parameters;
	const char *const *claims; /* [CLAIMS_VALUES], or NULL */
	const char *user;          /* NULL: none */
	const char *session;       /* who is to see its effect; NULL: none */
	struct text order_key;     /* ptr NULL: it has no order */
	int64_t tenant;            /* of those in company; 0: none */
};

/*
 * rows: JSON objects, comma separated, as they came; at most max of them are taken. How many; 0
 * where they cannot be read, which cannot be with tables of ours. n is 0 in a row that is no job
 * (write/jobs/ordered.h).
 */
unsigned job_claim_read(struct arena *arena, struct text rows, struct job_row *out,
			unsigned max) must_check;
