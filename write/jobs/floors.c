/* SPDX-License-Identifier: Apache-2.0 */
/* The steps, by what the server has said; floors_ask.c sends them. */
#include "write/jobs/floors.h"

#include "base/control.h"
#include "base/log.h"

#include <assert.h>
#include <string.h>

void floors_claimed(struct job_floors *floors, int64_t n)
{
	if (n > floors->claimed)
		floors->claimed = n;
}

/* Behind a rest. A full walk goes first, as holders may last. */
static enum floors_step floors_next(const struct job_floors *floors, int64_t now_us)
{
	if (!floors->life[0])
		return FLOORS_NOTE; /* which asks for it */
	if (!floors->dear || (floors->settled && now_us >= floors->full_us))
		return FLOORS_WALK;
	return floors->noted > floors->settled ? FLOORS_WAIT : FLOORS_NOTE;
}

static void floors_go_on(struct job_floors *floors, enum floors_step step, int64_t due_us)
{
	floors->step = step;
	floors->due_us = due_us;
}

bool floors_are_due(const struct job_floors *floors, int64_t now_us)
{
	bool full = now_us >= floors->full_us;

	if (now_us < floors->due_us)
		return false;
	if (floors->step != FLOORS_REST)
		return true;
	if (!floors->dear)
		return full && floors->claimed > floors->measured;
	return floors->claimed > floors->settled || (full && floors->settled);
}

void floors_begin(struct job_floors *floors, int64_t now_us)
{
	if (floors->step == FLOORS_REST) {
		floors->step = floors_next(floors, now_us);
		floors->goes_on = false;
	}
	floors->full = floors->step == FLOORS_WALK && !floors->goes_on && now_us >= floors->full_us;
	floors->asked =
		floors->step == FLOORS_WALK && floors->dear ? floors->settled : floors->claimed;
}

static void floors_drop(struct job_queues *queues)
{
	if (queues->life[0])
		log_debug("jobs", "heads are claimed without floors");
	queues->life[0] = '\0';
	for (unsigned i = 0; i < queues->count; i++) {
		struct ordered_floor *floor = &queues->queues[i].floor;

		floor->n = floor->walked = 0;
		floor->old.count = floor->walked_old.count = 0;
	}
}

static void floors_copy(char *to, size_t bytes, struct text text)
{
	assert(text.len < bytes);
	memcpy(to, text.ptr, text.len);
	to[text.len] = '\0';
}

/* Another life: what was claimed in the one before says nothing. */
static void floors_begin_life(struct job_floors *floors, struct job_queues *queues,
			      const struct floors_answer *answer)
{
	*floors = (struct job_floors){ 0 };
	floors_copy(floors->life, sizeof(floors->life), answer->life);
	floors_copy(floors->since, sizeof(floors->since), answer->since);
	floors_drop(queues);
}

/* The server may have crashed: floors that were flushed hold. */
static void floors_begin_anew(struct job_floors *floors, const struct floors_answer *answer)
{
	floors_copy(floors->since, sizeof(floors->since), answer->since);
	floors->noted = floors->settled = 0;
}

/* One that was not given here was given by another server, or before a crash. */
static void floors_take_note(struct job_floors *floors, struct job_queues *queues,
			     const struct floors_answer *answer)
{
	if (answer->given) {
		floors->noted = floors->asked;
		return;
	}
	floors_drop(queues);
	floors->claimed = floors->measured = floors->settled;
	floors->dear = false;
}

static int64_t floors_full_every_us(int64_t took_us)
{
	int64_t every_us = took_us * FLOORS_FULL_TIMES;

	if (every_us < FLOORS_FULL_US)
		return FLOORS_FULL_US;
	return every_us < FLOORS_FULL_US_MAX ? every_us : FLOORS_FULL_US_MAX;
}

/* False: it only told whether floors are worth their price. */
static bool floors_take_walk(struct job_floors *floors, struct job_queues *queues,
			     const struct floors_answer *answer, int64_t now_us)
{
	bool proven = floors->dear;

	floors->goes_on = false;
	if (floors->full) {
		floors->full_us = now_us + floors_full_every_us(answer->took_us);
		floors->dear = answer->took_us >= FLOORS_DEAR_US;
		floors->measured = floors->claimed;
	}
	if (!floors->dear)
		floors_drop(queues);
	if (floors->dear && !proven)
		floors->due_us = now_us;
	if (!floors->dear || !proven)
		return false;
	floors->seen_lsn = answer->insert_lsn;
	return true;
}

int64_t floors_walk_from(const struct job_floors *floors, struct ordered_floor *floor)
{
	if (floors->goes_on)
		return floor->goes_on ? floor->walked : -1;
	floor->walked = 0;
	floor->goes_on = false;
	old_heads_copy(&floor->walked_old, &floor->old);
	return floors->full ? 0 : floor->n;
}

/* One that held the floor back before does so for long. */
void floors_found(struct job_floors *floors, struct job_queue *queue,
		  const struct floors_found *found)
{
	struct ordered_floor *floor = &queue->floor;

	if (found->by_name) {
		old_heads_move(&floor->walked_old, found->key, found->n);
		return;
	}
	floor->goes_on = found->n && (found->not_due || found->n == floor->n) &&
			 old_heads_add(&floor->walked_old, found->key, found->n);
	floors->goes_on |= floor->goes_on;
	floor->walked = found->n ? found->n + floor->goes_on : floors->asked + 1;
}

void floors_walked(struct job_floors *floors, int64_t now_us)
{
	floors_go_on(floors, floors->goes_on ? FLOORS_WALK : FLOORS_FLUSH, now_us);
}

static void floors_adopt(struct job_floors *floors, struct job_queues *queues)
{
	for (unsigned i = 0; i < queues->count; i++) {
		struct ordered_floor *floor = &queues->queues[i].floor;

		if (!floor->walked)
			continue;
		floor->n = floor->walked;
		old_heads_copy(&floor->old, &floor->walked_old);
		old_heads_drop_from(&floor->old, floor->n);
		floor->walked = 0;
	}
	if (!queues->life[0])
		log_debug("jobs", "heads are claimed above floors: deleted rows are kept");
	memcpy(queues->life, floors->life, sizeof(queues->life));
}

/* True: all is as it was at the step before. */
static bool floors_live_on(struct job_floors *floors, struct job_queues *queues,
			   const struct floors_answer *answer)
{
	if (!text_is(answer->life, floors->life) && (CONTROL_JOB_LIVES || !floors->life[0]))
		floors_begin_life(floors, queues, answer);
	else if (!text_is(answer->since, floors->since))
		floors_begin_anew(floors, answer);
	else
		return true;
	return false;
}

void floors_not_sent(struct job_floors *floors, int64_t now_us)
{
	floors->due_us = now_us + FLOORS_SOON_US;
}

void floors_fail(struct job_floors *floors, int64_t now_us)
{
	floors->full_us = now_us + FLOORS_FAILED_US;
	floors_go_on(floors, FLOORS_REST, floors->full_us);
}

bool floors_take(struct job_floors *floors, struct job_queues *queues,
		 const struct floors_answer *answer, int64_t now_us)
{
	enum floors_step step = floors->step;

	floors_go_on(floors, FLOORS_REST, now_us + FLOORS_EVERY_US);
	if (!answer->life.ptr || !floors_live_on(floors, queues, answer))
		return false;
	switch (step) {
	case FLOORS_REST:
		break;
	case FLOORS_NOTE:
		floors_take_note(floors, queues, answer);
		if (answer->given)
			floors_go_on(floors, FLOORS_WAIT, now_us);
		return false;
	case FLOORS_WAIT:
		if (answer->held && CONTROL_JOB_HOLDERS) {
			floors->due_us = now_us + FLOORS_SOON_US;
			return false;
		}
		floors->settled = floors->noted;
		floors_go_on(floors, FLOORS_WALK, now_us);
		return false;
	case FLOORS_WALK:
		return floors_take_walk(floors, queues, answer, now_us);
	case FLOORS_FLUSH:
		if (answer->flush_lsn < floors->seen_lsn)
			floors_go_on(floors, FLOORS_FLUSH, now_us + FLOORS_SOON_US);
		else
			floors_adopt(floors, queues);
		return false;
	}
	assert(!"a step");
	return false;
}
