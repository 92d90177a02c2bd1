/* SPDX-License-Identifier: Apache-2.0 */
/* Windows, their mean, and steps of a tenth. */
#include "pg/limit.h"

#include "base/clock.h"

#define LIMIT_STEP 0.1
#define LIMIT_QUEUED_LOW 0.1 /* of the limit: fewer wait in the node than that, there may be more */
#define LIMIT_QUEUED_HIGH 0.3 /* more do: there are too many */
#define LIMIT_PROBE_EVERY_US (30 * US_PER_S)
#define LIMIT_NEAR 0.9 /* as good as at the limit */

void limit_init(struct limit *limit, enum limit_kind kind, unsigned fixed, unsigned floor,
		unsigned ceiling)
{
	*limit = (struct limit){ .kind = kind, .floor = floor, .ceiling = ceiling };
	if (limit->floor < 1)
		limit->floor = 1;
	if (limit->ceiling < limit->floor)
		limit->ceiling = limit->floor;
	limit->now = fixed;
	if (limit->now < limit->floor)
		limit->now = limit->floor;
	if (limit->now > limit->ceiling)
		limit->now = limit->ceiling;
}

unsigned limit_now(const struct limit *limit)
{
	return limit->kind == LIMIT_OFF ? (unsigned)limit->ceiling : (unsigned)limit->now;
}

bool limit_allows(const struct limit *limit, unsigned out)
{
	return limit->kind == LIMIT_OFF || out < limit_now(limit);
}

static void limit_step(struct limit *limit, double by)
{
	limit->now *= 1 + by;
	if (limit->now < limit->floor)
		limit->now = limit->floor;
	if (limit->now > limit->ceiling)
		limit->now = limit->ceiling;
}

void limit_missed(struct limit *limit)
{
	if (limit->kind == LIMIT_ADAPTIVE)
		limit_step(limit, -LIMIT_STEP);
}

/* What a mean of a window says of the node. The least is looked for anew now and then, but not
 * while the node is pressed: what it takes then is not the least. */
static void limit_judge(struct limit *limit, double mean_us, int64_t now_us)
{
	bool at_limit = limit->peak >= LIMIT_NEAR * limit->now;
	bool renew = now_us - limit->least_at_us >= LIMIT_PROBE_EVERY_US && !at_limit;
	double queued;

	if (limit->least_us <= 0 || mean_us < limit->least_us || renew) {
		limit->least_us = mean_us;
		limit->least_at_us = now_us;
	}
	queued = 1 - limit->least_us / mean_us;
	if (queued > LIMIT_QUEUED_HIGH)
		limit_step(limit, -LIMIT_STEP);
	else if (queued < LIMIT_QUEUED_LOW && limit->peak >= limit->now / 2)
		limit_step(limit, LIMIT_STEP);
}

void limit_took(struct limit *limit, int64_t took_us, unsigned calls, unsigned out, int64_t now_us)
{
	if (limit->kind != LIMIT_ADAPTIVE || !calls)
		return;
	if (!limit->window_us)
		limit->window_us = now_us;
	limit->samples++;
	limit->taken_us += (double)took_us / calls;
	if (out > limit->peak)
		limit->peak = out;
	if (now_us - limit->window_us < LIMIT_WINDOW_US || limit->samples < LIMIT_SAMPLES_MIN)
		return;
	limit_judge(limit, limit->taken_us / limit->samples, now_us);
	limit->window_us = now_us;
	limit->samples = limit->peak = 0;
	limit->taken_us = 0;
}
