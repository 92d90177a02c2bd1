/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fairness between tenants. The queue of a command is claimed in the order in which its jobs are
 * due, so that thousands of jobs of one tenant would stand before the only one of another. While
 * claims come back full, some of them are therefore fair ones: they take a few jobs of each tenant
 * in turn, but for the one that most of the last ordinary claim belonged to: it has the others.
 *
 *   a fair claim leaves after JOB_FAIR_SELDOM ordinary ones that were full; as long as fair ones
 *   find jobs, after each that was
 *
 * A tenant is a caller and a user, column tenant of cqrsd.job: the caller's hash above the user's,
 * so that those of one caller stand together in the index. Some fair claims go from caller to
 * caller, the others from user to user, whichever finds jobs: neither a caller with a job for each
 * of thousands of users nor a user with thousands of jobs holds up others.
 *
 * A loose scan finds them, as it finds heads (write/jobs/ordered.h): what it costs is a matter of
 * the tenants it passes, not of their jobs. But while an old snapshot is held it reads what was
 * deleted of each of them: where it is much dearer than an ordinary claim, the next one waits, so
 * that they are a tenth of a worker's time. Policy only; of one loop.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stdint.h>

#define JOB_FAIR_SELDOM 8
#define JOB_FAIR_DEAR 8  /* times an ordinary claim: dear */
#define JOB_FAIR_RESTS 9 /* times what a dear one took, before the next */

/* Of one pace. Zeroed: nothing is known. Of users, of callers. */
struct job_fair {
	unsigned full;         /* ordinary claims since the last fair one */
	unsigned begun;        /* fair claims */
	unsigned jobs[2];      /* of each tenant, the next takes so many at most; 0: not known */
	bool contended[2];     /* the last one found some */
	int64_t ordinary_us;   /* what ordinary claims take, smoothed; 0: not known */
	int64_t not_before_us; /* the next fair one */
};

/* A claim came back, with so many of at most limit jobs. */
void job_fair_ordinary(struct job_fair *fair, unsigned found, unsigned limit);
bool job_fair_is_due(const struct job_fair *fair, int64_t now_us) must_check;
/* The next fair one: true, from caller to caller; else from user to user. jobs: of each. */
bool job_fair_next(const struct job_fair *fair, unsigned *jobs) must_check;
/* It has left. */
void job_fair_begin(struct job_fair *fair);
/* It came back, with jobs of so many tenants; or it is to go on, as it has found none so far. */
void job_fair_took(struct job_fair *fair, bool of_callers, unsigned tenants, bool goes_on);

/* The rows of a claim are there, so long after it was sent. */
void job_fair_ordinary_took(struct job_fair *fair, int64_t took_us);
void job_fair_dear(struct job_fair *fair, int64_t took_us, int64_t now_us);

/* Where the fair claims of a command are. Zeroed: at the beginning, and no tenant is left out. */
struct job_tenants {
	int64_t at[2];    /* the last tenant; of users, of callers */
	int64_t crowd[2]; /* who is left out; 0: none */
};

/* A part of the tenants: behind one of them, up to another. */
struct job_tenants_part {
	int64_t after, until;
};

#define JOB_TENANTS_PARTS 4
#define JOB_TENANTS_USER INT64_C(0xffffffff) /* the bits of the user */

/* All of them in their order, from the last one on and around, without who is left out. How many
 * parts. */
unsigned job_tenants_parts(const struct job_tenants *tenants, bool of_callers,
			   struct job_tenants_part parts[JOB_TENANTS_PARTS]) must_check;
/* The tenants of an ordinary claim: whom most of it belongs to is left out by the next fair one. */
void job_tenants_saw(struct job_tenants *tenants, const int64_t *seen, unsigned count);
