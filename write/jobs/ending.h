/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a job whose attempt has ended: by whose fault it failed, and what is left to try.
 * Policy only; durations in microseconds.
 *
 *   no error ─────────────────────────────► done
 *   what may go away ──attempts left──────► retried, after a pause
 *        └─────────────no more────────────► dead
 *   what the data is refused for ─────────► dead
 *   what a deployment has done ───────────► left as it was; its command is paused
 */
#pragma once

#include "base/check.h"
#include "base/random.h"
#include "pg/call.h"

#include <stdint.h>

enum job_fault {
	JOB_FAULT_NONE,
	JOB_FAULT_PASSING,    /* of the moment: a lock, a deadlock, no room */
	JOB_FAULT_LOST,       /* its transaction was lost while it ran alone: claimed.h */
	JOB_FAULT_DATA,       /* of the job: the same error would come again */
	JOB_FAULT_DEPLOYMENT, /* of the command: a table, a right or a statement has changed */
};

enum job_end {
	JOB_DONE,
	JOB_RETRIED,
	JOB_RETRIED_ALONE, /* the same, of one whose transaction was lost */
	JOB_DEAD,
	JOB_LEFT,
	JOB_BEGUN,         /* it has not run: its next transaction is its own */
	JOB_PUT_OFF,       /* it has not run: its command has had too many retries lately */
	JOB_PUT_OFF_ALONE, /* the same, of one that is to run alone */
};

struct job_attempts {
	unsigned ended, max; /* ended: before this one */
	int64_t backoff_us;  /* before the second attempt, at most */
};

struct job_ending {
	enum job_end end;
	int64_t pause_us; /* JOB_RETRIED, JOB_RETRIED_ALONE, JOB_PUT_OFF…: until the next attempt */
};

/* Whose fault an error of a job's statement is. */
enum job_fault job_fault_of(const struct pg_error *error) must_check;

struct job_ending job_ending_of(enum job_fault fault, struct job_attempts attempts,
				struct random *random) must_check;

/* Full jitter: from 0 to what doubles with each attempt that has ended before, at most 1 h. */
int64_t job_backoff_us(unsigned ended, int64_t backoff_us, struct random *random) must_check;

/* How long a command is left alone after so many failures by a deployment in a row, from 1. */
int64_t job_pause_us(unsigned failures, struct random *random) must_check;

/* As metrics have it. */
const char *job_end_name(enum job_end end) must_check;
