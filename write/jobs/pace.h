/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the next batch of a worker is claimed from. Commands are claimed by paces, in turns: the
 * quick ones together, many jobs at a time; short ones, which hold a worker for a moment, one job
 * at a time; and so are slow and unknown ones, and those of another isolation.
 *
 * A batch has a seat in the slots of each command that it may run, as @workers bounds them
 * (write/jobs/occupancy.h): taken before it claims, as it is not known what it will find, and let
 * go by those of which nothing was found, once the rows are there.
 *
 * Slow batches, and those of what runs alone, never take all workers of a loop while it has quick
 * or short commands, nor the last but one of four or more, nor all of a process of one worker per
 * loop: those do not wait for slow ones. A quick command that the machine held up for a moment is
 * short, and is found to be quick again.
 *
 * A claim of heads (write/jobs/ordered.h) begins where the one before has come, which is known once
 * its rows are there. Until then the next one would look at the same heads, which are locked, so it
 * waits for them, but for no longer than JOB_HEADS_US: that one may be held up.
 */
#pragma once

#include "base/check.h"
#include "base/clock.h"
#include "catalog/catalog.h"
#include "pg/call.h"
#include "write/jobs/claim.h"
#include "write/jobs/occupancy.h"
#include "write/jobs/queue.h"

#include <stdbool.h>
#include <stdint.h>

#define JOB_PACE_QUICK 0u
#define JOB_PACE_SHORT 1u
#define JOB_PACE_LONE 2u /* of the first isolation; the others follow */
#define JOB_PACES (JOB_PACE_LONE + ISOLATION_SERIALIZABLE + 1)

#define JOB_HEADS_US (5 * US_PER_MS)

/* Of one loop. */
struct job_pacing {
	struct job_occupancy *occupancy; /* borrowed */
	unsigned workers;
	unsigned slow; /* batches of other paces than these two, and of what runs alone */
	unsigned turns[JOB_PACES]; /* claims so far */
	struct job_fair fair[JOB_PACES];
	int64_t heads_us[JOB_PACES]; /* until when a claim of heads waits for another one's rows */
	int64_t sweep_every_us;      /* write/jobs/watermark.h */
	unsigned *order;             /* [room], of queues */
	unsigned room;
};

void job_pacing_init(struct job_pacing *pacing, struct job_occupancy *occupancy, unsigned workers);
void job_pacing_fini(struct job_pacing *pacing);

/* Those that may be claimed now, as bits. */
unsigned job_paces_open(const struct job_pacing *pacing, const struct job_queues *queues,
			int64_t now_us) must_check;
/* Of these, those of which jobs may run that are to run alone. */
unsigned job_paces_alone(const struct job_pacing *pacing, unsigned paces) must_check;
/* Of these, those of queues in which there may be jobs with an order. */
unsigned job_paces_ordered(const struct job_pacing *pacing, const struct job_queues *queues,
			   int64_t now_us) must_check;
/* And those from which the next claim is to be a fair one. */
unsigned job_paces_fair(const struct job_pacing *pacing, int64_t now_us) must_check;
enum isolation job_pace_isolation(unsigned pace) must_check;

struct job_seat {
	struct job_slots *slots;
	enum watermark_sweep sweep; /* how its queue was claimed */
};

/* What a batch holds of the slots, from its claim until it has ended. Zeroed: nothing. */
struct job_seats {
	struct job_seat *of; /* [count], in the order of the claim */
	unsigned count, room;
	bool slow; /* it is counted as a slow one */
};

/* Frees the memory of seats that are let go. */
void job_seats_fini(struct job_seats *seats);
/* Begins a claim, whose kind is set, and adds the open queues of that pace, as far as there are
 * slots. */
void job_pace_claim(struct job_pacing *pacing, struct job_queues *queues, unsigned pace,
		    int64_t now_us, struct job_claim *claim, struct job_seats *seats);
/* Of a command whose breaker wants one, a claim that tries one job: its kind is set here. NULL:
 * there is none; the claim is as it was. */
struct job_queue *job_pace_try(struct job_pacing *pacing, struct job_queues *queues, int64_t now_us,
			       struct job_claim *claim, struct job_seats *seats) must_check;
unsigned job_pace_of(const struct job_queue *queue) must_check;
/* The claim was sent. */
void job_pace_sent(struct job_pacing *pacing, unsigned pace, const struct job_claim *claim,
		   int64_t now_us);
/* Its rows are there, so long after that. */
void job_pace_took(struct job_pacing *pacing, unsigned pace, const struct job_claim *claim,
		   int64_t took_us, int64_t now_us);
/* The claim was not sent: its sweeps are due as before. */
void job_seats_not_asked(const struct job_seats *seats, struct job_queues *queues);
/* The rows are there, as many as were asked for, and the last one is of that queue: sweeps have
 * come to there. Before job_seats_keep. */
void job_seats_swept(const struct job_seats *seats, struct job_queues *queues,
		     struct job_queue *queue, int64_t run_us, int64_t n);
/* The rows are there: seats of other commands than those [count] are let go. May come again, with
 * others. */
void job_seats_keep(struct job_seats *seats, struct job_slots *const *slots, unsigned count);
void job_pace_end(struct job_pacing *pacing, struct job_seats *seats);
