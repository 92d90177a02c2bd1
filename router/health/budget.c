/* SPDX-License-Identifier: Apache-2.0 */
/* Counts: what is not used within the window is gone, but for the few that are saved. */
#include "router/health/budget.h"

#include "base/clock.h"

/* Evenly, a retry costs a little more than the share: so much is left for nodes that pay from their
 * reserve. A few are saved, for those who fail together. */
#define BUDGET_EVEN_COST 110
#define BUDGET_EVEN_MAX (8 * BUDGET_EVEN_COST)

void budget_earn(struct budget *budget, int64_t now_us)
{
	window_add(&budget->seen, WINDOW_ALL, now_us);
	if (budget->even < BUDGET_EVEN_MAX)
		budget->even += budget->percent;
}

bool budget_has(struct budget *budget, unsigned later, int64_t now_us)
{
	uint64_t earned = (uint64_t)window_sum(&budget->seen, WINDOW_ALL, now_us) * budget->percent;
	uint64_t taken = window_sum(&budget->seen, WINDOW_WATCHED, now_us) + (uint64_t)later;

	return (taken + 1) * 100 <= earned + 100 * (uint64_t)budget->reserve;
}

void budget_spend(struct budget *budget, int64_t now_us)
{
	window_add(&budget->seen, WINDOW_WATCHED, now_us);
	budget->even -= budget->even < BUDGET_EVEN_COST ? budget->even : BUDGET_EVEN_COST;
	budget->taken_us = now_us;
}

bool budget_take(struct budget *budget, int64_t now_us)
{
	if (!budget_has(budget, 0, now_us))
		return false;
	budget_spend(budget, now_us);
	return true;
}

bool budget_take_evenly(struct budget *budget, int64_t now_us)
{
	bool rested = (now_us - budget->taken_us) * budget->reserve >= WINDOW_S * US_PER_S;

	return (budget->even >= BUDGET_EVEN_COST || rested) && budget_take(budget, now_us);
}
