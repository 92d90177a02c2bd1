/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request of an operator about jobs, carried out on the primary by the calls of one pool: for
 * cqrsd jobs and for /admin/api/jobs. On the loop's thread.
 *
 *   LIST, SHOW,
 *   SCHEDULES ─────────► the rows
 *   PAUSE, RESUME ─────► done, or what would be
 *   REPLAY, DISCARD, ──► how many can be changed ──dry run, or none──► done
 *   CANCEL                  └──► some hundred of them, in one transaction, again and again ──► done
 *
 * Where it ends early, for want of time or of a conn, the jobs that were changed stay so: the same
 * request once more goes on with the others.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/json.h"
#include "base/loop.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "write/jobs/job_action.h"
#include "write/jobs/job_filter.h"
#include "write/jobs/job_id.h"

#include <stdbool.h>
#include <stdint.h>

#define JOB_LIST_MAX 1000
#define JOB_LIST_DEFAULT 100

struct job_admin {
	/* Set by the maker, who also adds to the filter and ends it. */
	struct job_filter filter;
	enum job_action action;
	const char *who;   /* for the audit */
	const char *known; /* by job_known_write; NULL: dead letters are replayed unseen */
	struct loop *loop;
	int64_t until_us; /* of the loop's clock: nothing is begun behind it; 0: no such time */
	bool dry_run;
	void (*on_done)(struct job_admin *admin);

	/* What came of it. */
	struct call call;  /* the last one: how it ended, and its error */
	struct json *rows; /* of all but changes of jobs, of these the reasons. NULL: none */
	int64_t matching;  /* that are meant */
	int64_t eligible;  /* of these, that can be changed */
	int64_t changed;
	bool is_whole; /* nothing is left to do */

	/* Its own. */
	const char *values[JOB_ACTION_VALUES];
	struct arena arena;
	struct buf out;
	struct pool *pool; /* while a call is on its way */
};

void job_admin_init(struct job_admin *admin);
/* What is on its way runs to its end unseen. */
void job_admin_fini(struct job_admin *admin);
/* What cannot be meant by this action. False: error says what is wrong. The filter has ended. */
bool job_admin_check(struct job_admin *admin, char error[JOB_FILTER_ERROR_BYTES]) must_check;
/* False: the pool has no room; on_done is not called. */
bool job_admin_send(struct job_admin *admin, struct pool *pool) must_check;
/* Has all gone well, so that the fields above hold? */
bool job_admin_is_good(const struct job_admin *admin) must_check;

/* How many were to be changed: those that can be, but no more than the filter's limit. */
int64_t job_admin_wanted(const struct job_admin *admin) must_check;
/* Was all that was meant done, with nothing refused or passed over, and each id there? A dry run:
 * yes. */
bool job_admin_did_all(const struct job_admin *admin) must_check;
/* Appends what was done, or would be, as a JSON object; not of LIST, SHOW and SCHEDULES. */
void job_admin_write(struct buf *out, const struct job_admin *admin);
/* Appends a row of LIST or SHOW as a JSON object, with its id in the place of its number. */
void job_admin_write_row(struct buf *out, const struct json *row, struct job_ids *ids);
/* The same of SCHEDULES, with the id of its last job, or null. */
void job_admin_write_schedule(struct buf *out, const struct json *row, struct job_ids *ids);
