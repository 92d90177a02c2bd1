/* SPDX-License-Identifier: Apache-2.0 */
/* One UPDATE, that waits for no standby. What fails is written with the next ones. */
#include "router/cluster/key_use.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "router/cluster/questions.h"

#include <assert.h>
#include <string.h>

#define KEY_USE_US_MAX (3 * US_PER_S)

static const char key_use_text[] =
	"WITH soon AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),"
	" noted AS (UPDATE cqrsd.api_key AS k SET last_used = (now() AT TIME ZONE 'UTC')::date"
	" FROM soon WHERE k.id = ANY (string_to_array($1, ' '))"
	" AND k.last_used IS DISTINCT FROM (now() AT TIME ZONE 'UTC')::date RETURNING 1)"
	" SELECT count(*)::text AS noted FROM noted";

static const struct pool_settings key_use_settings = {
	.conns_max = 2,
	.queue_max = 1,
	.queue_wait_us = KEY_USE_US_MAX,
	.statement_timeout_us = KEY_USE_US_MAX,
	.connect_timeout_us = KEY_USE_US_MAX,
	.answer_timeout_us = KEY_USE_US_MAX,
	.watches = true,
};

static void key_use_on_done(struct call *call);

void key_use_init(struct key_use *use, struct loop *loop, const struct cluster *cluster,
		  struct metrics *metrics)
{
	*use = (struct key_use){
		.loop = loop,
		.cluster = cluster,
		.metrics = metrics,
	};
	question_init(&use->statement, "monitor.key_use", key_use_text, 1, 1);
	buf_init(&use->ids);
	buf_init(&use->out);
	arena_init(&use->arena);
}

static void key_use_close(struct key_use *use)
{
	pool_free(use->pool);
	use->pool = NULL;
}

void key_use_fini(struct key_use *use)
{
	if (use->pool) {
		pool_forget(use->pool, &use->call);
		key_use_close(use);
	}
	statement_fini(&use->statement);
	buf_fini(&use->ids);
	buf_fini(&use->out);
	arena_fini(&use->arena);
}

int64_t key_use_day(void)
{
	return clock_wall_us() / US_PER_DAY;
}

bool key_use_is_due(const struct key_use *use, int64_t now_us)
{
	return !use->refused && !use->pool && !use->ids.len && now_us >= use->due_us &&
	       use->cluster->topology.primary >= 0;
}

void key_use_send(struct key_use *use)
{
	int primary = use->cluster->topology.primary;
	int64_t now_us = loop_now(use->loop);
	bool submitted;

	if (use->pool || primary < 0 || now_us < use->due_us)
		return;
	use->due_us = now_us + KEYS_USE_POLL_US;
	if (!use->ids.len)
		return;
	arena_reset(&use->arena);
	buf_clear(&use->out);
	use->values[0] = arena_copy(&use->arena, use->ids.ptr, use->ids.len);
	use->call = (struct call){
		.kind = CALL_COMMAND,
		.statement = &use->statement,
		.values = use->values,
		.arena = &use->arena,
		.out = &use->out,
		.on_done = key_use_on_done,
	};
	use->pool =
		pool_new(use->loop, use->cluster->nodes[primary], use->metrics, &key_use_settings);
	pool_set_role(use->pool, NODE_PRIMARY);
	submitted = pool_submit(use->pool, &use->call);
	assert(submitted);
}

/* That a primary has become a standby, or is gone, is for the next time. */
static void key_use_on_done(struct call *call)
{
	struct key_use *use = container_of(call, struct key_use, call);
	bool may_not = call->end == CALL_ERROR && strcmp(call->error.sqlstate, "42501") == 0;

	if (may_not) {
		use->refused = true;
		log_info("keys",
			 "when API keys were used last is not noted: %s; GRANT UPDATE "
			 "(last_used) ON cqrsd.api_key allows it",
			 call->error.message);
	}
	if (may_not || call->end == CALL_OK)
		buf_clear(&use->ids);
	key_use_close(use);
}
