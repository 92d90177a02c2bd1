/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the jobs of a command went lately, as all loops of a process saw it: its breaker, and what
 * its retries may cost. Policy only; any thread; moments are microseconds of the loops' clock.
 *
 *   CLOSED ──more than half failed──► TELLING ──written──► OPEN ──its pause is over──► TRIAL
 *     ▲ ▲ └──another instance opened it──────────────────►  ▲ ▲                        │  ▲
 *     │ └──the row is gone: another closed it, or resume────┘ │   one worker took it   ▼  │ data,
 *     │                                              written  │  ◄── FAILED ◄──────── TRYING  none
 *     └─────────────────────────written── CLOSING ◄───────────────────done──────────────┘
 *
 * A TELLING that cannot be written is CLOSED; that the row is gone ends FAILED and CLOSING as well.
 *
 * The row of cqrsd.job_pause is the truth for all instances (write/jobs/job_breakers.h); what is
 * here is how this process takes part. What counts: an attempt that was done, and one that failed
 * for what may go away, or with its connection. What the data is refused for says nothing of the
 * command, and a client who sends such data stops no other.
 */
#pragma once

#include "base/check.h"
#include "base/random.h"
#include "router/health/budget.h"
#include "write/jobs/ending.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define JOB_HEALTH_ATTEMPTS 20 /* the last ones decide */
#define JOB_RETRY_PERCENT 20   /* of first attempts: so many may be retries that fail, */
#define JOB_RETRY_RESERVE 100  /* and so many in any WINDOW_S seconds */
#define JOB_TRIAL_PARTS 100    /* of 200 keys: so far one trial goes; the next one goes on there */
#define JOB_RETRY_WAIT_US (300 * US_PER_S) /* at most, for the next try to be one of them */

enum job_breaker {
	JOB_BREAKER_CLOSED,
	JOB_BREAKER_TELLING,
	JOB_BREAKER_OPEN,
	JOB_BREAKER_TRIAL,
	JOB_BREAKER_TRYING,
	JOB_BREAKER_FAILED,
	JOB_BREAKER_CLOSING,
	JOB_BREAKERS
};

struct job_health {
	pthread_mutex_t lock; /* of all that follows */
	enum job_breaker breaker;
	uint32_t failed; /* a bit for each of the last attempts, the newest lowest */
	unsigned attempts;
	unsigned trial; /* the kind of claims that the trial is at */
	unsigned parts; /* of what that goes through, without a job so far */
	struct budget retries;
	unsigned retrying; /* may begin, and have not ended */
	int64_t waits_us;  /* when the last retry that was put off is to come */
};

void job_health_init(struct job_health *health);
void job_health_fini(struct job_health *health);

/* Which attempt of its job. A retry that runs alone was paid for when it was begun. */
enum job_attempt { JOB_ATTEMPT_FIRST, JOB_ATTEMPT_RETRY, JOB_ATTEMPT_BEGUN_RETRY };

/* An attempt has ended; by one that failed the breaker may open. */
void job_health_note(struct job_health *health, enum job_fault fault, enum job_attempt attempt,
		     int64_t now_us);
/* A retry was begun, and runs next, alone: it is paid for. */
void job_health_begin_retry(struct job_health *health, int64_t now_us);
enum job_breaker job_health_breaker(struct job_health *health) must_check;
/* From that state to another, which may follow. False: it is in some other state. */
bool job_health_move(struct job_health *health, enum job_breaker from, enum job_breaker to);

/* The trial is this worker's: by claims of that kind it is to find a job. False: there is none. */
bool job_health_take_trial(struct job_health *health, unsigned *kind) must_check;
/* It has found none in those, or none that tells: the next one claims by that kind; or, where that
 * is kinds, no more are tried until the pause is over again. */
void job_health_pass_trial(struct job_health *health, unsigned kind, unsigned kinds);
/* A part of what a kind of claims goes through had no job: is the trial to go on behind it? */
bool job_health_pass_part(struct job_health *health) must_check;

/* May a retry begin now? 0: yes, until job_health_retried; else how long it is to wait. What it
 * costs is counted where its attempt is noted. */
int64_t job_health_retry_us(struct job_health *health, struct random *random,
			    int64_t now_us) must_check;
/* One that might begin has ended, or did not run. */
void job_health_retried(struct job_health *health);
