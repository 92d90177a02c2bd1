/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a batch of jobs leaves though commands wait: so that jobs get JOBS_SHARE_PERCENT of the time
 * of their conns at least. After a batch that took T, the next one leaves so much later at the
 * latest. And how many leave where none waits: while commands come they share the server's cores
 * with one batch at a time, as more would make each of them late. Where JOBS_REST_COMMANDS left
 * while that ran, so that the cores have enough to do, the next one leaves JOBS_REST times T later,
 * JOBS_BESIDE_US at most. Of one pool; times are microseconds of its loop's clock. Policy only.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: nothing was taken so far. */
struct job_share {
	int64_t due_us;
	int64_t alone_us;
	int64_t rested_us;
	unsigned commands; /* that left since the last batch did */
};

/* May the next batch leave, whatever waits? */
bool job_share_is_due(const struct job_share *share, int64_t now_us) must_check;
/* From when on it may. */
int64_t job_share_due_us(const struct job_share *share) must_check;
/* A batch came back that took so long, on one of so many conns for jobs; these are not 0. */
void job_share_took(struct job_share *share, int64_t took_us, unsigned conns, int64_t now_us);

/* A batch leaves. */
void job_share_begin(struct job_share *share);
/* So many commands leave. */
void job_share_commands(struct job_share *share, unsigned count, int64_t now_us);
/* Did none leave for JOBS_BESIDE_US, up to alone_us? Then batches go side by side. */
bool job_share_is_alone(const struct job_share *share, int64_t now_us) must_check;
/* Have commands had the cores to themselves for as long as they are to have them? */
bool job_share_is_rested(const struct job_share *share, int64_t now_us) must_check;
/* The first moment at which time alone lets a batch leave. */
int64_t job_share_next_us(const struct job_share *share, int64_t now_us) must_check;
