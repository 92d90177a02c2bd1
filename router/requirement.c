/* SPDX-License-Identifier: Apache-2.0 */
/* Judged by what this loop knows; a probe of the primary confirms what no loop has heard of. */
#include "router/requirement.h"

#include "base/control.h"
#include "router/consistency/high_water.h"
#include "router/consistency/required.h"
#include "router/task.h"

#include <assert.h>

static struct required_by requirement_by(struct task *task)
{
	struct router *router = task->router;

	return (struct required_by){
		.request = task->request,
		.topology = &router->topology,
		.sessions = router->shared.sessions,
		.tokens = router->tokens,
		.heard = &router->heard,
		.back_us = router->shared.options->timeline_back_us,
		.now_us = loop_now(router->loop),
	};
}

/* A strong read by the index is one that knows how far it must see. */
static enum level requirement_level(const struct task *task)
{
	if (task->request->kind != REQUEST_QUERY)
		return LEVEL_STRONG;
	return task->wants_index ? LEVEL_SESSION : task->request->level_used;
}

enum step requirement_judge(struct task *task)
{
	enum level level = requirement_level(task);
	struct required_by by;
	struct required required;
	enum step step;

	/* The floor is raised a moment before the topology that goes with it is published. */
	router_refresh(task->router);
	by = requirement_by(task);
	step = required_judge(&required, &by, level);
	task->judged = required.judged;
	task->judged_life = required.life;
	task->token_lsn = required.token_lsn;
	task->tokens_mark = required.tokens_mark;
	task->session_lsn = required.session_lsn;
	task->needs.required = required.position;
	task->needs.required_unknown = false;
	task->before_tables = POSITION_NONE;
	task->tables = TABLES_UNASKED;
	task->needs.level = required.level;
	if (required.poll_now)
		monitor_poll_now(task->router->shared.monitor);
	return step;
}

bool requirement_holds(const struct task *task)
{
	const struct topology *topology = &task->router->topology;

	return task->judged == topology->primary_position.timeline &&
	       task->judged_life == topology_life(topology);
}

enum step requirement_renew(struct task *task)
{
	return requirement_holds(task) ? STEP_NEXT : requirement_judge(task);
}

struct position requirement_and(const struct task *task, struct position seen)
{
	const struct topology *topology = &task->router->topology;
	struct position required =
		position_known(task->before_tables) ? task->before_tables : task->needs.required;

	if (!position_known(required) || seen.timeline == required.timeline)
		return position_max(seen, required);
	if (required_fate(topology, seen) == FATE_SURVIVED)
		return position_max(required_translate(topology, seen), required);
	return required;
}

/* A token would take the place of those that were brought, and hide what became of them. */
static void requirement_token_unled(const struct task *task, unsigned node, struct position seen,
				    char out[TOKEN_TEXT_MAX + 1])
{
	struct router *router = task->router;
	uint32_t mark = router->topology.nodes[node].log_mark;
	struct branch_position token;

	if (!mark || (task->request->tokens_count && task->tokens_mark != mark))
		return;
	token = topology_token(&router->topology, seen);
	token.mark = mark;
	token_make(router->tokens, token, out);
}

void requirement_token(const struct task *task, unsigned node, struct position seen,
		       char out[TOKEN_TEXT_MAX + 1])
{
	if (CONTROL_LIVES && topology_is_unled(&task->router->topology))
		requirement_token_unled(task, node, seen, out);
	else
		router_token(task->router, seen, out);
}

/* --- tokens beyond what was heard of ---------------------------------------------------------- */

bool requirement_is_beyond(const struct task *task, uint64_t wal_end)
{
	/* A standby that knows of nothing behind its position tells one byte more. */
	return task->token_lsn > wal_end + 1;
}

enum step requirement_refuse_beyond(struct task *task)
{
	const struct required_by by = requirement_by(task);

	return required_refuse_beyond(&by);
}

static void requirement_on_confirmed(struct call *call)
{
	struct task *task = container_of(call, struct task, confirm);
	struct position required = task->needs.required;

	request_wait_over(task->request);
	if (call->end != CALL_OK || call->in_recovery || !requirement_holds(task)) {
		/* Who the primary is will be seen when the request is placed. */
		request_resume(task->request, STEP_NEXT);
		return;
	}
	high_water_raise(task->router->shared.high_water,
			 (struct position){ required.timeline, call->wal_end });
	if (requirement_is_beyond(task, call->wal_end)) {
		(void)requirement_refuse_beyond(task);
		request_finish(task->request);
		return;
	}
	request_resume(task->request, STEP_NEXT);
}

static void requirement_cancel_confirm(struct request *request)
{
	struct task *task = request->task;

	pool_forget(task->confirm.pool, &task->confirm);
}

static enum step requirement_confirm_token(struct request *request)
{
	struct task *task = request->task;
	struct router *router = task->router;
	const struct position token = { router->topology.primary_position.timeline,
					task->token_lsn };
	struct pool *pool;

	if (!task->token_lsn || !token.timeline ||
	    token.lsn <= router->topology.primary_position.lsn ||
	    high_water_covers(router->shared.high_water, token))
		return STEP_NEXT;
	pool = router_primary_pool(router);
	if (!pool)
		return STEP_NEXT;
	task->confirm = (struct call){
		.kind = CALL_PROBE,
		.arena = &request->arena,
		.on_done = requirement_on_confirmed,
	};
	if (!pool_submit(pool, &task->confirm))
		return request_fail(request, OUTCOME_QUEUE_FULL, "too many requests are waiting");
	return request_wait(request, WAIT_CONFIRM, requirement_cancel_confirm);
}

/* --- the read index --------------------------------------------------------------------------- */

bool requirement_lacks_index(const struct task *task)
{
	return task->wants_index && task->indexed != task->judged;
}

/* Without an index the primary answers, if it may be asked, or a stale answer must do. */
static void requirement_take_index(struct task *task, struct position index)
{
	task->indexed = task->judged;
	if (index.timeline == task->judged && position_known(index))
		task->needs.required = position_max(task->needs.required, index);
	else
		task->needs.required_unknown = true;
}

static void requirement_on_index(struct index_reader *reader, struct position index,
				 uint64_t wal_end)
{
	struct task *task = container_of(reader, struct task, index);
	struct request *request = task->request;

	request_wait_over(request);
	task_cancel_timer(request);
	if (requirement_renew(task) == STEP_DONE) {
		request_finish(request);
		return;
	}
	requirement_take_index(task, index);
	if (position_known(index)) {
		high_water_raise(task->router->shared.high_water, index);
		if (requirement_is_beyond(task, wal_end)) {
			(void)requirement_refuse_beyond(task);
			request_finish(request);
			return;
		}
	}
	request_resume(request, STEP_NEXT);
}

static void requirement_leave_index(struct request *request)
{
	struct task *task = request->task;

	read_index_leave(&task->index);
	task_cancel_timer(request);
}

static enum step requirement_ask_index(struct task *task)
{
	struct read_index *read_index = &task->router->read_index;

	task->moment = witnesses_ask(&task->router->witnesses);
	task->index.on_index = requirement_on_index;
	if (!read_index_ask(read_index, &task->index)) {
		requirement_take_index(task, POSITION_NONE);
		return STEP_NEXT;
	}
	return request_wait(task->request, WAIT_CONFIRM, requirement_leave_index);
}

enum step requirement_confirm(struct request *request)
{
	struct task *task = request->task;

	return task->wants_index ? requirement_ask_index(task) : requirement_confirm_token(request);
}
