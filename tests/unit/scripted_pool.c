/* SPDX-License-Identifier: Apache-2.0 */
/* pg/pool.h as far as the monitor uses it. One call at a time. */
#include "scripted_pool.h"

#include "pg/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct script_node script[NODES_MAX];
pthread_mutex_t script_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t script_changed = PTHREAD_COND_INITIALIZER;

struct pool {
	struct loop *loop;
	struct script_node *node;
	struct call *call; /* on its way, or NULL */
	struct loop_timer timer;
};

static void pool_on_timer(struct loop_timer *timer);

struct pool *pool_new(struct loop *loop, const struct node *node, struct metrics *metrics,
		      const struct pool_settings *settings)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	assert(pool);
	assert(settings->conns_max == 1);
	pool->loop = loop;
	pool->node = &script[node->index];
	pool->timer.on_due = pool_on_timer;
	return pool;
}

void pool_free(struct pool *pool)
{
	assert(!pool->call);
	loop_timer_cancel(pool->loop, &pool->timer);
	free(pool);
}

void pool_set_role(struct pool *pool, enum node_role role)
{
	assert(role == NODE_REPLICA || role == NODE_PRIMARY);
}

bool pool_submit(struct pool *pool, struct call *call)
{
	assert(!pool->call);
	pool->call = call;
	call->sent_us = loop_now(pool->loop);
	pthread_mutex_lock(&script_mutex);
	if (strcmp(call->statement->name, "monitor.identity") == 0)
		pool->node->identities++;
	else if (strcmp(call->statement->name, "monitor.key") == 0)
		pool->node->keys++;
	else if (strcmp(call->statement->name, "monitor.wal_flush") == 0)
		pool->node->wal_flushes++;
	else if (strcmp(call->statement->name, "monitor.lives") == 0)
		pool->node->lives_asked++;
	else if (strcmp(call->statement->name, "monitor.life") == 0)
		pool->node->lives_added++;
	else
		pool->node->looks++;
	pthread_cond_broadcast(&script_changed);
	pthread_mutex_unlock(&script_mutex);
	loop_timer_set(pool->loop, &pool->timer, loop_now(pool->loop));
	return true;
}

static const char *pool_script(const struct pool *pool)
{
	const char *name = pool->call->statement->name;
	const char *answer;

	pthread_mutex_lock(&script_mutex);
	answer = strcmp(name, "monitor.identity") == 0    ? pool->node->identity
		 : strcmp(name, "monitor.key") == 0       ? pool->node->key
		 : strcmp(name, "monitor.wal_flush") == 0 ? pool->node->wal_flush
		 : strcmp(name, "monitor.lives") == 0     ? pool->node->lives
		 : strcmp(name, "monitor.life") == 0      ? pool->node->life
							  : pool->node->status;
	if (strcmp(name, "monitor.life") == 0 && answer && strcmp(answer, SCRIPT_ERROR) != 0 &&
	    strcmp(answer, SCRIPT_LOST) != 0)
		pool->node->lives = answer;
	pthread_mutex_unlock(&script_mutex);
	return answer;
}

static void pool_on_timer(struct loop_timer *timer)
{
	struct pool *pool = container_of(timer, struct pool, timer);
	const char *answer = pool_script(pool);
	struct call *call = pool->call;

	if (!answer)
		return;
	pool->call = NULL;
	call->done_us = loop_now(pool->loop);
	if (strcmp(answer, SCRIPT_LOST) == 0) {
		call->end = CALL_LOST;
		call->lost_reason = "the script says so";
	} else if (strcmp(answer, SCRIPT_ERROR) == 0) {
		call->end = CALL_ERROR;
		call->error = (struct pg_error){ .sqlstate = "42501", .message = "refused" };
	} else if (strcmp(answer, SCRIPT_CONFLICT) == 0) {
		call->end = CALL_ERROR;
		call->error = (struct pg_error){ .sqlstate = "40001", .message = "conflict" };
	} else {
		call->end = CALL_OK;
		call->rows = 1;
		buf_printf(call->out, "{\"%s\":\"%s\"}",
			   strcmp(call->statement->name, "monitor.lives") == 0 ? "lives" : "column",
			   answer);
	}
	call->on_done(call);
	pthread_mutex_lock(&script_mutex);
	pthread_cond_broadcast(&script_changed);
	pthread_mutex_unlock(&script_mutex);
}

void pool_forget(struct pool *pool, struct call *call)
{
	assert(pool->call == call);
	pool->call = NULL;
	loop_timer_cancel(pool->loop, &pool->timer);
}

void pool_abandon(struct pool *pool, const char *reason)
{
	assert(!pool->call);
	pthread_mutex_lock(&script_mutex);
	pool->node->abandoned++;
	pthread_cond_broadcast(&script_changed);
	pthread_mutex_unlock(&script_mutex);
}

void pool_dial_now(struct pool *pool)
{
}

bool pool_connected(const struct pool *pool)
{
	return true;
}

unsigned pool_conns(const struct pool *pool, enum conn_state state)
{
	return 0;
}

const char *pool_last_error(const struct pool *pool)
{
	return "";
}
