/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of intervals. */
#include "pg/admission/codel.h"

#define CODEL_NEWS 32 /* the gap is a running mean: that part of the news, in the end */
#define CODEL_SLACK_GAPS 2
#define CODEL_INTERVAL_GAPS 4
#define CODEL_DEQUEUED_MIN 3 /* in an interval; of fewer nothing is said */
#define CODEL_FEW 4          /* one refused for so many that left */

static int64_t codel_longer(int64_t us, double gaps_us)
{
	return gaps_us > (double)us ? (int64_t)gaps_us : us;
}

static int64_t codel_interval_us(const struct codel *codel)
{
	return codel_longer(codel->interval_us, CODEL_INTERVAL_GAPS * codel->gap_us);
}

int64_t codel_slack_us(const struct codel *codel)
{
	int64_t slack_us = codel_longer(2 * codel->interval_us / CODEL_TARGETS,
					CODEL_SLACK_GAPS * codel->gap_us);

	return slack_us < codel->interval_us / 2 ? slack_us : codel->interval_us / 2;
}

/*
 * Of those who leave, all but the first followed one that had left while they waited. Where the
 * gaps are so long that no call waits behind another, none follows: then a call that waited less
 * than a gap shows that they are shorter now.
 */
static void codel_learn_gap(struct codel *codel, unsigned calls, int64_t longest_us, int64_t now_us)
{
	int64_t since_us = now_us - codel->dequeued_us;
	double gap_us = (double)since_us / calls;
	bool lonely = 2 * codel->gap_us > (double)codel->patience_us;

	if (lonely && longest_us > 0 && longest_us < since_us && (double)longest_us < codel->gap_us)
		gap_us = (double)longest_us;
	else if (!codel->dequeued_us || longest_us < since_us || since_us <= 0)
		return;
	codel->gaps += codel->gaps < CODEL_NEWS;
	codel->gap_us += (gap_us - codel->gap_us) / codel->gaps;
}

static int64_t codel_target_us(const struct codel *codel)
{
	return codel_longer(codel->interval_us / CODEL_TARGETS, codel->gap_us);
}

enum codel_load codel_load(const struct codel *codel)
{
	if (codel->stood_us == CLOCK_NEVER || codel->stood_us < codel_target_us(codel) / 4)
		return CODEL_LIGHT;
	return codel->stood_us > codel_target_us(codel) / 2 ? CODEL_HEAVY : CODEL_FULL;
}

/* An interval ends, and the next begins. */
static void codel_judge(struct codel *codel, int64_t now_us)
{
	bool late = now_us - codel->until_us > codel_interval_us(codel);
	bool stands =
		codel->dequeued >= CODEL_DEQUEUED_MIN && codel->least_us > codel_target_us(codel);

	codel->calm = codel->refused * CODEL_FEW > codel->dequeued ? 0 : codel->calm + 1;
	codel->overloaded = !late && (stands || (codel->overloaded && codel->calm < CODEL_CALM));
	codel->dequeued = codel->refused = 0;
	codel->stood_us = codel->least_us;
	codel->least_us = CLOCK_NEVER;
	codel->until_us = now_us + codel_interval_us(codel);
}

bool codel_dequeued(struct codel *codel, unsigned calls, int64_t longest_us, int64_t least_us,
		    int64_t now_us)
{
	bool over = now_us >= codel->until_us;

	codel_learn_gap(codel, calls, longest_us, now_us);
	codel->dequeued_us = now_us;
	codel->dequeued += calls;
	if (over)
		codel_judge(codel, now_us);
	if (least_us < codel->least_us)
		codel->least_us = least_us;
	return over;
}

void codel_refused(struct codel *codel)
{
	codel->refused++;
}

bool codel_overloaded(const struct codel *codel, int64_t now_us)
{
	return codel->overloaded && now_us - codel->until_us <= codel_interval_us(codel);
}

unsigned codel_room(const struct codel *codel, int64_t within_us)
{
	double room = codel->gap_us > 0 ? (double)within_us / codel->gap_us : 1;

	return room < 1 ? 1 : room > UINT16_MAX ? UINT16_MAX : (unsigned)room;
}

double codel_served(const struct codel *codel)
{
	return codel->gap_us > 0 ? (double)codel_interval_us(codel) / codel->gap_us : 0;
}
