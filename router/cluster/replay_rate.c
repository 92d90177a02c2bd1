/* SPDX-License-Identifier: Apache-2.0 */
/* One look is kept to compare with; the mean of the last rate and the new one smooths. */
#include "router/cluster/replay_rate.h"

static void replay_rate_compare_from(struct replay_rate *rate, int64_t at_us, uint64_t replayed,
				     uint64_t primary)
{
	rate->since_us = at_us;
	rate->replayed = replayed;
	rate->primary = primary;
}

double replay_rate_update(struct replay_rate *rate, int64_t at_us, uint64_t replayed,
			  uint64_t primary)
{
	int64_t window_us = at_us - rate->since_us;
	double seen;

	if (rate->since_us == 0 || replayed >= rate->primary || replayed < rate->replayed) {
		rate->bytes_per_us = 0;
		replay_rate_compare_from(rate, at_us, replayed, primary);
	} else if (window_us >= REPLAY_RATE_WINDOW_US) {
		seen = (double)(replayed - rate->replayed) / (double)window_us;
		if (rate->bytes_per_us > 0)
			seen = (rate->bytes_per_us + seen) / 2;
		rate->bytes_per_us = seen > REPLAY_RATE_STANDSTILL ? seen : REPLAY_RATE_STANDSTILL;
		replay_rate_compare_from(rate, at_us, replayed, primary);
	}
	return rate->bytes_per_us;
}
