/* SPDX-License-Identifier: Apache-2.0 */
/* Counts, nothing else: what is not used within the window is gone. */
#include "router/budget.h"

void budget_earn(struct budget *budget, int64_t now_us)
{
	window_add(&budget->seen, WINDOW_ALL, now_us);
}

bool budget_take(struct budget *budget, int64_t now_us)
{
	uint64_t earned = (uint64_t)window_sum(&budget->seen, WINDOW_ALL, now_us) * budget->percent;
	uint64_t taken = window_sum(&budget->seen, WINDOW_WATCHED, now_us);

	if ((taken + 1) * 100 > earned + 100 * (uint64_t)budget->reserve)
		return false;
	window_add(&budget->seen, WINDOW_WATCHED, now_us);
	return true;
}
