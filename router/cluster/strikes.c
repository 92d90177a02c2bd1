/* SPDX-License-Identifier: Apache-2.0 */
/* Two counters, each reset by the other. */
#include "router/cluster/strikes.h"

#include <assert.h>
#include <limits.h>

static void strikes_count(unsigned *up, unsigned *down)
{
	if (*up < UINT_MAX)
		++*up;
	*down = 0;
}

bool strikes_add(struct strikes *strikes, bool good, unsigned bad_max, unsigned good_min)
{
	bool was = strikes->in;

	assert(bad_max > 0);
	assert(good_min > 0);
	if (good)
		strikes_count(&strikes->good, &strikes->bad);
	else
		strikes_count(&strikes->bad, &strikes->good);
	if (strikes->bad >= bad_max)
		strikes->in = false;
	if (strikes->good >= (strikes->was_in ? good_min : 1))
		strikes->in = strikes->was_in = true;
	return strikes->in != was;
}
