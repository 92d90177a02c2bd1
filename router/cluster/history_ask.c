/* SPDX-License-Identifier: Apache-2.0 */
/* One question at a time, on a conn of its own (pg/timeline.h). */
#include "router/cluster/history_ask.h"

#include "pg/timeline.h"
#include "router/cluster/history.h"
#include "router/cluster/node_history.h"
#include "router/cluster/topology_build.h"

#define HISTORY_ASK_US_MAX US_PER_S           /* a new primary waits no longer for its history */
#define HISTORY_ASK_REFUSED_US (5 * US_PER_S) /* doubled by each refusal in a row */
#define HISTORY_ASK_REFUSALS_MAX 7

void history_ask_init(struct history_ask *history_ask, struct loop *loop, struct cluster *cluster,
		      unsigned index, void (*on_answer)(struct history_ask *history_ask))
{
	*history_ask = (struct history_ask){
		.loop = loop, .cluster = cluster, .index = index, .on_answer = on_answer
	};
}

static void history_ask_on_answer(void *owner, const struct timeline_answer *answer)
{
	struct history_ask *history_ask = owner;
	struct history history;
	const char *reason = answer->refusal;
	int64_t now_us = loop_now(history_ask->loop);

	history_ask->ask = NULL;
	if (!reason && !history_read(&history, answer->timeline, answer->history))
		reason = "its history file cannot be read";
	if (!reason) {
		history_ask->refusals = 0;
		history_ask->again_us = now_us + HISTORY_ASK_AGAIN_US;
		topology_build_take_history(history_ask->cluster, history_ask->index, &history);
	} else {
		history_ask->again_us = now_us + (HISTORY_ASK_REFUSED_US << history_ask->refusals);
		if (history_ask->refusals < HISTORY_ASK_REFUSALS_MAX)
			history_ask->refusals++;
		topology_build_refused_history(history_ask->cluster, history_ask->index, reason);
	}
	history_ask->on_answer(history_ask);
}

void history_ask_on_status(struct history_ask *history_ask)
{
	uint32_t wanted = node_history_wanted(history_ask->cluster, history_ask->index);

	if (wanted == NODE_HISTORY_WANTS_NOTHING || history_ask->ask ||
	    (wanted == history_ask->of && loop_now(history_ask->loop) < history_ask->again_us))
		return;
	history_ask->of = wanted;
	history_ask->ask =
		timeline_ask(history_ask->loop, history_ask->cluster->nodes[history_ask->index],
			     wanted == NODE_HISTORY_WANTS_TIMELINE ? 0 : wanted, HISTORY_ASK_US_MAX,
			     history_ask_on_answer, history_ask);
}

void history_ask_forget(struct history_ask *history_ask)
{
	timeline_ask_forget(history_ask->ask);
	history_ask->ask = NULL;
}
