/* SPDX-License-Identifier: Apache-2.0 */
/* Bits of paces, and an array of seats that grows with the catalog. */
#include "write/jobs/pace.h"

#include "pg/jobs.h"
#include "write/jobs/turn.h"
#include "write/operation_form.h"

#include <assert.h>
#include <stdlib.h>

#define PACE_BIT(pace) (1u << (pace))
/* Of which no job holds a worker for long. */
#define PACES_BRIEF (PACE_BIT(JOB_PACE_QUICK) | PACE_BIT(JOB_PACE_SHORT))

void job_pacing_init(struct job_pacing *pacing, struct job_occupancy *occupancy, unsigned workers)
{
	*pacing = (struct job_pacing){ .occupancy = occupancy,
				       .workers = workers,
				       .sweep_every_us = WATERMARK_FULL_US_MIN };
	atomic_fetch_add_explicit(&occupancy->workers, workers, memory_order_relaxed);
}

void job_pacing_fini(struct job_pacing *pacing)
{
	if (!pacing->occupancy)
		return;
	assert(pacing->slow == 0);
	atomic_fetch_sub_explicit(&pacing->occupancy->workers, pacing->workers,
				  memory_order_relaxed);
	free(pacing->order);
}

/* --- which paces ----------------------------------------------------------------------------- */

static bool pace_is_brief(unsigned pace)
{
	return PACE_BIT(pace) & PACES_BRIEF;
}

unsigned job_pace_of(const struct job_queue *queue)
{
	const struct operation *operation = queue->operation;
	const struct statement *statement = operation->statement;
	enum isolation isolation = operation_isolation(operation);

	if (isolation != ISOLATION_READ_COMMITTED)
		return JOB_PACE_LONE + (unsigned)isolation;
	if (!operation->lonely && jobs_share(statement, operation->claims == CATALOG_CLAIMS_SET))
		return JOB_PACE_QUICK;
	return jobs_are_short(statement) ? JOB_PACE_SHORT : JOB_PACE_LONE;
}

enum isolation job_pace_isolation(unsigned pace)
{
	return pace < JOB_PACE_LONE ? ISOLATION_READ_COMMITTED
				    : (enum isolation)(pace - JOB_PACE_LONE);
}

/* Of so many workers: with two, a quick job that is held up leaves one to the others. */
static unsigned pace_reserve(unsigned workers)
{
	return workers > 3 ? 2 : 1;
}

/* With one worker here, some other loop keeps one for quick jobs. */
static bool pace_may_be_slow(const struct job_pacing *pacing)
{
	if (pacing->workers > 1)
		return pacing->slow + pace_reserve(pacing->workers) < pacing->workers;
	return atomic_load_explicit(&pacing->occupancy->workers, memory_order_relaxed) == 1 ||
	       atomic_load_explicit(&pacing->occupancy->slow, memory_order_relaxed) + 1 <
		       atomic_load_explicit(&pacing->occupancy->workers, memory_order_relaxed);
}

unsigned job_paces_open(const struct job_pacing *pacing, const struct job_queues *queues,
			int64_t now_us)
{
	unsigned paces = 0;

	for (unsigned i = 0; i < queues->count; i++)
		if (job_queue_is_open(&queues->queues[i], now_us))
			paces |= PACE_BIT(job_pace_of(&queues->queues[i]));
	return paces & PACES_BRIEF && !pace_may_be_slow(pacing) ? paces & PACES_BRIEF : paces;
}

unsigned job_paces_alone(const struct job_pacing *pacing, unsigned paces)
{
	return paces & PACES_BRIEF && !pace_may_be_slow(pacing) ? 0 : paces;
}

unsigned job_paces_ordered(const struct job_pacing *pacing, const struct job_queues *queues,
			   int64_t now_us)
{
	unsigned paces = 0;

	for (unsigned i = 0; i < queues->count; i++)
		if (job_queue_is_ordered(&queues->queues[i], now_us))
			paces |= PACE_BIT(job_pace_of(&queues->queues[i]));
	for (unsigned pace = 0; pace < JOB_PACES; pace++)
		if (now_us < pacing->heads_us[pace])
			paces &= ~PACE_BIT(pace);
	return paces;
}

unsigned job_paces_fair(const struct job_pacing *pacing, int64_t now_us)
{
	unsigned paces = 0;

	for (unsigned pace = 0; pace < JOB_PACES; pace++)
		if (job_fair_is_due(&pacing->fair[pace], now_us))
			paces |= PACE_BIT(pace);
	return paces;
}

/* --- a claim --------------------------------------------------------------------------------- */

void job_seats_fini(struct job_seats *seats)
{
	assert(seats->count == 0);
	free(seats->of);
	*seats = (struct job_seats){ 0 };
}

static void seats_make_room(struct job_seats *seats, unsigned count)
{
	if (seats->room >= count)
		return;
	seats->of = realloc(seats->of, count * sizeof(*seats->of));
	assert(seats->of);
	seats->room = count;
}

static void pace_order(struct job_pacing *pacing, const struct job_queues *queues, unsigned pace)
{
	if (pacing->room < queues->count) {
		pacing->order = realloc(pacing->order, queues->count * sizeof(*pacing->order));
		assert(pacing->order);
		pacing->room = queues->count;
	}
	job_turn_order(queues->urgencies, queues->count, pacing->turns[pace]++, pacing->order);
}

/* False: there are @workers of it already. */
static bool pace_add(const struct job_pacing *pacing, struct job_queue *queue, int64_t now_us,
		     struct job_claim *claim, struct job_seats *seats)
{
	struct job_seat *seat = &seats->of[seats->count];
	struct watermark_place begin = { 0 };

	if (!job_slots_take(queue->slots, queue->operation->workers))
		return false;
	seats->count++;
	*seat = (struct job_seat){ .slots = queue->slots };
	if (claim->kind == CLAIM_COMPANY && !claim->trial)
		seat->sweep =
			watermark_begin(&queue->watermark, now_us, pacing->sweep_every_us, &begin);
	else if (claim->kind == CLAIM_HEADS)
		job_queue_seek(queue, now_us);
	claim->sweeps |= seat->sweep == WATERMARK_FULL;
	job_claim_add(claim, queue, begin);
	return true;
}

/* What runs alone has the time of its command, however quick others were. */
static void pace_slow_begins(struct job_pacing *pacing, struct job_seats *seats, unsigned pace,
			     enum claim_kind kind)
{
	if (pace_is_brief(pace) && kind != CLAIM_ALONE)
		return;
	seats->slow = true;
	pacing->slow++;
	atomic_fetch_add_explicit(&pacing->occupancy->slow, 1, memory_order_relaxed);
}

void job_pace_claim(struct job_pacing *pacing, struct job_queues *queues, unsigned pace,
		    int64_t now_us, struct job_claim *claim, struct job_seats *seats)
{
	assert(seats->count == 0);
	assert(!seats->slow);
	pace_order(pacing, queues, pace);
	seats_make_room(seats, queues->count);
	claim->trial = false;
	if (claim->kind == CLAIM_FAIR)
		claim->of_callers = job_fair_next(&pacing->fair[pace], &claim->tenant_jobs);
	job_claim_begin(claim, queues);
	for (unsigned i = 0; i < queues->count; i++) {
		struct job_queue *queue = &queues->queues[pacing->order[i]];

		if (claim->kind == CLAIM_HEADS && !job_queue_is_ordered(queue, now_us))
			continue;
		if (job_queue_is_open(queue, now_us) && job_pace_of(queue) == pace)
			(void)pace_add(pacing, queue, now_us, claim, seats);
	}
	pace_slow_begins(pacing, seats, pace, claim->kind);
}

static bool pace_try(const struct job_pacing *pacing, const struct job_queues *queues,
		     struct job_queue *queue, int64_t now_us, struct job_claim *claim,
		     struct job_seats *seats)
{
	struct job_health *health = job_slots_health(queue->slots);
	unsigned kind;

	if (!job_health_take_trial(health, &kind))
		return false;
	claim->kind = (enum claim_kind)kind;
	claim->trial = true;
	job_claim_begin(claim, queues);
	if (pace_add(pacing, queue, now_us, claim, seats))
		return true;
	job_health_pass_trial(health, kind, CLAIM_FAIR);
	return false;
}

struct job_queue *job_pace_try(struct job_pacing *pacing, struct job_queues *queues, int64_t now_us,
			       struct job_claim *claim, struct job_seats *seats)
{
	assert(seats->count == 0);
	seats_make_room(seats, 1);
	for (unsigned i = 0; i < queues->count; i++) {
		struct job_queue *queue = &queues->queues[i];
		unsigned pace = job_pace_of(queue);

		if (!job_queue_is_fit(queue, now_us) ||
		    (!pace_is_brief(pace) && !pace_may_be_slow(pacing)))
			continue;
		if (!pace_try(pacing, queues, queue, now_us, claim, seats))
			continue;
		pace_slow_begins(pacing, seats, pace, claim->kind);
		return queue;
	}
	return NULL;
}

void job_pace_sent(struct job_pacing *pacing, unsigned pace, const struct job_claim *claim,
		   int64_t now_us)
{
	if (claim->kind == CLAIM_FAIR)
		job_fair_begin(&pacing->fair[pace]);
	else if (claim->kind == CLAIM_HEADS && !claim->trial)
		pacing->heads_us[pace] = now_us + JOB_HEADS_US;
}

void job_pace_took(struct job_pacing *pacing, unsigned pace, const struct job_claim *claim,
		   int64_t took_us, int64_t now_us)
{
	if (claim->sweeps)
		pacing->sweep_every_us = watermark_every_us(took_us);
	else if (claim->kind == CLAIM_COMPANY)
		job_fair_ordinary_took(&pacing->fair[pace], took_us);
	else if (claim->kind == CLAIM_FAIR)
		job_fair_dear(&pacing->fair[pace], took_us, now_us);
	else if (claim->kind == CLAIM_HEADS && !claim->trial)
		pacing->heads_us[pace] = 0;
}

/* --- its end --------------------------------------------------------------------------------- */

static bool seats_have(const struct job_seats *seats, const struct job_slots *wanted)
{
	for (unsigned i = 0; i < seats->count; i++)
		if (seats->of[i].slots == wanted)
			return true;
	return false;
}

static bool slots_have(struct job_slots *const *slots, unsigned count,
		       const struct job_slots *wanted)
{
	for (unsigned i = 0; i < count; i++)
		if (slots[i] == wanted)
			return true;
	return false;
}

static struct job_queue *seats_queue(struct job_queues *queues, const struct job_slots *slots)
{
	for (unsigned i = 0; i < queues->count; i++)
		if (queues->queues[i].slots == slots)
			return &queues->queues[i];
	return NULL;
}

static void seats_not_asked(const struct job_seats *seats, unsigned first,
			    struct job_queues *queues)
{
	for (unsigned i = first; i < seats->count; i++) {
		struct job_queue *queue = seats_queue(queues, seats->of[i].slots);

		if (queue)
			watermark_again(&queue->watermark, seats->of[i].sweep);
	}
}

void job_seats_not_asked(const struct job_seats *seats, struct job_queues *queues)
{
	seats_not_asked(seats, 0, queues);
}

/* Those of queues behind that one were not asked. */
void job_seats_swept(const struct job_seats *seats, struct job_queues *queues,
		     struct job_queue *queue, int64_t run_us, int64_t n)
{
	unsigned at = 0;

	while (at < seats->count && seats->of[at].slots != queue->slots)
		at++;
	if (at == seats->count)
		return;
	if (seats->of[at].sweep != WATERMARK_CLAIM)
		watermark_go_back(&queue->watermark, run_us, n);
	seats_not_asked(seats, at + 1, queues);
}

/* A batch that was placed again may have found what it has let go: then it has one over @workers,
 * once. */
void job_seats_keep(struct job_seats *seats, struct job_slots *const *slots, unsigned count)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < seats->count; i++)
		if (slots_have(slots, count, seats->of[i].slots))
			seats->of[kept++] = seats->of[i];
		else
			job_slots_give(seats->of[i].slots);
	seats->count = kept;
	for (unsigned i = 0; i < count && seats->count < seats->room; i++)
		if (!seats_have(seats, slots[i]) && job_slots_take(slots[i], 0))
			seats->of[seats->count++] = (struct job_seat){ .slots = slots[i] };
}

void job_pace_end(struct job_pacing *pacing, struct job_seats *seats)
{
	for (unsigned i = 0; i < seats->count; i++)
		job_slots_give(seats->of[i].slots);
	seats->count = 0;
	if (!seats->slow)
		return;
	seats->slow = false;
	pacing->slow--;
	atomic_fetch_sub_explicit(&pacing->occupancy->slow, 1, memory_order_relaxed);
}
