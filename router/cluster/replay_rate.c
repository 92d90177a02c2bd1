/* SPDX-License-Identifier: Apache-2.0 */
/* One status is kept to compare with; the mean of the last rate and the new one smooths. */
#include "router/cluster/replay_rate.h"

static void replay_rate_compare_from(struct replay_rate *replay, int64_t at_us, uint64_t replayed,
				     uint64_t primary)
{
	replay->since_us = at_us;
	replay->replayed = replayed;
	replay->primary = primary;
}

/* The window grows: what is compared with is the status at which it was there first. */
static double replay_rate_of_standstill(const struct replay_rate *replay, int64_t window_us,
					uint64_t primary)
{
	uint64_t lag = primary > replay->replayed ? primary - replay->replayed : 0;
	double most = (double)lag / (double)(REPLAY_RATE_STANDSTILL_TIMES * window_us);

	return replay->bytes_per_us > 0 && replay->bytes_per_us < most ? replay->bytes_per_us
								       : most;
}

double replay_rate_update(struct replay_rate *replay, int64_t at_us, uint64_t replayed,
			  uint64_t primary)
{
	int64_t window_us = at_us - replay->since_us;
	double seen;

	if (replay->since_us == 0 || replayed >= replay->primary || replayed < replay->replayed) {
		replay->bytes_per_us = 0;
		replay_rate_compare_from(replay, at_us, replayed, primary);
	} else if (window_us >= REPLAY_RATE_WINDOW_US && replayed == replay->replayed) {
		replay->bytes_per_us = replay_rate_of_standstill(replay, window_us, primary);
	} else if (window_us >= REPLAY_RATE_WINDOW_US) {
		seen = (double)(replayed - replay->replayed) / (double)window_us;
		if (replay->bytes_per_us > 0)
			seen = (replay->bytes_per_us + seen) / 2;
		replay->bytes_per_us = seen;
		replay_rate_compare_from(replay, at_us, replayed, primary);
	}
	return replay->bytes_per_us;
}
