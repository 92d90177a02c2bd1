/* SPDX-License-Identifier: Apache-2.0 */
/* Windows, their mean, and steps of a tenth. */
#include "pg/admission/concurrency.h"

#include "base/clock.h"

#define CONCURRENCY_STEP 0.1
#define CONCURRENCY_QUEUED_LOW                                                                     \
	0.1 /* of the limit: fewer wait in the node than that, there may be more */
#define CONCURRENCY_QUEUED_HIGH 0.3 /* more do: there are too many */
#define CONCURRENCY_PROBE_EVERY_US (30 * US_PER_S)
#define CONCURRENCY_NEAR 0.9 /* as good as at the limit */

void concurrency_init(struct concurrency *concurrency, enum concurrency_kind kind, unsigned fixed,
		      unsigned floor, unsigned ceiling)
{
	*concurrency = (struct concurrency){ .kind = kind, .floor = floor, .ceiling = ceiling };
	if (concurrency->floor < 1)
		concurrency->floor = 1;
	if (concurrency->ceiling < concurrency->floor)
		concurrency->ceiling = concurrency->floor;
	concurrency->now = fixed;
	if (concurrency->now < concurrency->floor)
		concurrency->now = concurrency->floor;
	if (concurrency->now > concurrency->ceiling)
		concurrency->now = concurrency->ceiling;
}

unsigned concurrency_now(const struct concurrency *concurrency)
{
	return concurrency->kind == CONCURRENCY_OFF ? (unsigned)concurrency->ceiling
						    : (unsigned)concurrency->now;
}

bool concurrency_allows(const struct concurrency *concurrency, unsigned out)
{
	return concurrency->kind == CONCURRENCY_OFF || out < concurrency_now(concurrency);
}

static void concurrency_step(struct concurrency *concurrency, double by)
{
	concurrency->now *= 1 + by;
	if (concurrency->now < concurrency->floor)
		concurrency->now = concurrency->floor;
	if (concurrency->now > concurrency->ceiling)
		concurrency->now = concurrency->ceiling;
}

void concurrency_missed(struct concurrency *concurrency)
{
	if (concurrency->kind == CONCURRENCY_ADAPTIVE)
		concurrency_step(concurrency, -CONCURRENCY_STEP);
}

/* What a mean of a window says of the node. The least is looked for anew now and then, but not
 * while the node is pressed: what it takes then is not the least. */
static void concurrency_judge(struct concurrency *concurrency, double mean_us, int64_t now_us)
{
	bool near_full = concurrency->peak >= CONCURRENCY_NEAR * concurrency->now;
	bool renew = now_us - concurrency->least_at_us >= CONCURRENCY_PROBE_EVERY_US && !near_full;
	double queued;

	if (concurrency->least_us <= 0 || mean_us < concurrency->least_us || renew) {
		concurrency->least_us = mean_us;
		concurrency->least_at_us = now_us;
	}
	queued = 1 - concurrency->least_us / mean_us;
	if (queued > CONCURRENCY_QUEUED_HIGH)
		concurrency_step(concurrency, -CONCURRENCY_STEP);
	else if (queued < CONCURRENCY_QUEUED_LOW && concurrency->peak >= concurrency->now / 2)
		concurrency_step(concurrency, CONCURRENCY_STEP);
}

void concurrency_took(struct concurrency *concurrency, int64_t took_us, unsigned calls,
		      unsigned out, int64_t now_us)
{
	if (concurrency->kind != CONCURRENCY_ADAPTIVE || !calls)
		return;
	if (!concurrency->window_us)
		concurrency->window_us = now_us;
	concurrency->samples++;
	concurrency->taken_us += (double)took_us / calls;
	if (out > concurrency->peak)
		concurrency->peak = out;
	if (now_us - concurrency->window_us < CONCURRENCY_WINDOW_US ||
	    concurrency->samples < CONCURRENCY_SAMPLES_MIN)
		return;
	concurrency_judge(concurrency, concurrency->taken_us / concurrency->samples, now_us);
	concurrency->window_us = now_us;
	concurrency->samples = concurrency->peak = 0;
	concurrency->taken_us = 0;
}
