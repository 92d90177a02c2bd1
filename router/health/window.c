/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of seconds; those that went by unseen are cleared at the next read. */
#include "router/health/window.h"

#include "base/clock.h"

#include <assert.h>
#include <string.h>

static void window_move(struct window *window, int64_t now_us)
{
	int64_t second = now_us / US_PER_S;

	if (second - window->second >= WINDOW_S)
		memset(window->counts, 0, sizeof(window->counts));
	else
		while (window->second < second)
			memset(window->counts[++window->second % WINDOW_S], 0,
			       sizeof(window->counts[0]));
	if (window->second < second)
		window->second = second;
}

void window_add(struct window *window, enum window_kind kind, int64_t now_us)
{
	assert(kind < WINDOW_KINDS);
	window_move(window, now_us);
	window->counts[window->second % WINDOW_S][kind]++;
}

unsigned window_sum(struct window *window, enum window_kind kind, int64_t now_us)
{
	unsigned sum = 0;

	assert(kind < WINDOW_KINDS);
	window_move(window, now_us);
	for (int i = 0; i < WINDOW_S; i++)
		sum += window->counts[i][kind];
	return sum;
}
