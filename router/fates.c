/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens are judged at every level, session entries where the level promises them: a strong query
 * and a command, too, must not pass over a write that its user believes in.
 */
#include "router/fates.h"

#include "base/control.h"
#include "router/task.h"

#include <assert.h>
#include <inttypes.h>

static uint32_t fates_timeline(const struct task *task)
{
	return task->router->topology.primary_position.timeline;
}

/* Without any primary so far there is nothing to judge by: replicas prove what they can. */
static enum fate fates_of(const struct task *task, struct position position)
{
	uint32_t timeline = fates_timeline(task);

	if (!timeline || position.timeline == timeline || !CONTROL_TIMELINES)
		return FATE_CURRENT;
	if (position.timeline > timeline)
		return FATE_NEWER;
	return history_fate(&task->router->topology.history, position);
}

bool fates_hold(const struct task *task)
{
	return task->judged == fates_timeline(task);
}

/* The position of the new timeline that is put in the place of what was lost. */
static struct position fates_go_on(const struct task *task)
{
	return task->router->topology.primary_position;
}

static enum step fates_lost(struct task *task, const char *what)
{
	struct position position = fates_go_on(task);

	token_make(task->router->tokens, position, task->request->token);
	return request_fail(task->request, OUTCOME_WRITE_LOST,
			    "a failover to timeline %" PRIu32
			    " lost what %s; nothing was run. Go on with the token of this answer",
			    position.timeline, what);
}

static void fates_require(struct task *task, struct position position)
{
	task->wish.required = position_max(task->wish.required, position);
}

/* Survived or current: as it reads on the primary's timeline. */
static struct position fates_translate(const struct task *task, struct position position)
{
	if (fates_timeline(task))
		position.timeline = fates_timeline(task);
	return position;
}

static enum step fates_newer(struct task *task)
{
	monitor_hurry(task->router->shared.monitor);
	return request_fail(task->request, OUTCOME_NO_PRIMARY,
			    "the primary of the token's timeline has not been seen yet");
}

static enum step fates_token(struct task *task, struct position position)
{
	switch (fates_of(task, position)) {
	case FATE_CURRENT:
	case FATE_SURVIVED:
		position = fates_translate(task, position);
		fates_require(task, position);
		if (position.lsn > task->token_lsn)
			task->token_lsn = position.lsn;
		return STEP_NEXT;
	case FATE_LOST:
		return fates_lost(task, "this token stands for");
	case FATE_UNKNOWN:
		task->wish.level = LEVEL_STRONG;
		return STEP_NEXT;
	case FATE_NEWER:
		return fates_newer(task);
	}
	assert(!"a fate");
	return STEP_DONE;
}

static enum step fates_tokens(struct task *task)
{
	struct request *request = task->request;
	struct router *router = task->router;

	for (unsigned i = 0; i < request->tokens_count; i++) {
		struct position position;

		if (!token_read(router->tokens, request->tokens[i], &position))
			return request_fail(request, OUTCOME_INVALID_CONSISTENCY_TOKEN,
					    "token %u is not one of this cluster", i + 1);
		if (fates_token(task, position) == STEP_DONE)
			return STEP_DONE;
	}
	return STEP_NEXT;
}

/* Told once: whoever comes next finds the entry of the new timeline. */
static enum step fates_session_lost(struct task *task, struct session session)
{
	struct sessions *sessions = task->router->shared.sessions;
	struct position now = fates_go_on(task);

	if (sessions_settle(sessions, task->request->user, session, now))
		return fates_lost(task, session.remembered ? "this user wrote last"
							   : "this user may have written");
	fates_require(task, now);
	return STEP_NEXT;
}

static enum step fates_session(struct task *task)
{
	struct request *request = task->request;
	const struct sessions *sessions = task->router->shared.sessions;
	struct session session = sessions_look(sessions, request->user);

	if (!session.remembered && session.forgotten_lost)
		return fates_session_lost(task, session);
	switch (fates_of(task, session.position)) {
	case FATE_CURRENT:
	case FATE_SURVIVED:
		fates_require(task, fates_translate(task, session.position));
		if (session.remembered)
			task->session_lsn = session.position.lsn;
		return STEP_NEXT;
	case FATE_LOST:
		return fates_session_lost(task, session);
	case FATE_UNKNOWN:
		task->wish.level = LEVEL_STRONG;
		return STEP_NEXT;
	case FATE_NEWER:
		return fates_newer(task);
	}
	assert(!"a fate");
	return STEP_DONE;
}

/* What a command or a strong query is told of its user's writes needs no floor to begin with. */
static enum step fates_user(struct task *task, enum level level)
{
	struct request *request = task->request;
	struct position floor = sessions_floor(task->router->shared.sessions);

	if (level == LEVEL_EVENTUAL)
		return STEP_NEXT;
	if (!position_known(floor)) {
		if (level == LEVEL_STRONG)
			return STEP_NEXT;
		return request_fail(request, OUTCOME_NO_PRIMARY,
				    "no primary has been seen since the service started");
	}
	if (request->user.ptr)
		return fates_session(task);
	if (level == LEVEL_SESSION && fates_of(task, floor) != FATE_CURRENT)
		return fates_newer(task);
	if (level == LEVEL_SESSION)
		fates_require(task, floor);
	return STEP_NEXT;
}

enum step fates_judge(struct task *task)
{
	enum level level =
		task->request->kind == REQUEST_COMMAND ? LEVEL_STRONG : task->request->level_used;

	/* The floor is raised a moment before the topology that goes with it is published. */
	router_refresh(task->router);
	task->judged = fates_timeline(task);
	task->wish.required = POSITION_NONE;
	task->wish.level = level;
	task->token_lsn = task->session_lsn = 0;
	if (fates_tokens(task) == STEP_DONE)
		return STEP_DONE;
	return fates_user(task, level);
}

/* --- tokens beyond what was heard of ---------------------------------------------------------- */

static enum step fates_beyond(struct task *task)
{
	return request_fail(task->request, OUTCOME_INVALID_CONSISTENCY_TOKEN,
			    "the token is of a position that the primary has not reached");
}

static void fates_on_confirmed(struct call *call)
{
	struct task *task = container_of(call, struct task, confirm);
	struct position required = task->wish.required;

	task->confirming = false;
	if (call->end != CALL_OK || call->in_recovery || !fates_hold(task)) {
		/* Who the primary is will be seen when the request is placed. */
		request_run(task->request);
		return;
	}
	newest_raise(task->router->shared.newest,
		     (struct position){ required.timeline, call->newest });
	if (task->token_lsn > call->newest) {
		(void)fates_beyond(task);
		task_finish(task);
		return;
	}
	request_run(task->request);
}

enum step fates_confirm(struct request *request)
{
	struct task *task = request->task;
	struct router *router = task->router;
	const struct position token = { fates_timeline(task), task->token_lsn };
	struct pool *pool;

	if (!task->token_lsn || !token.timeline ||
	    token.lsn <= router->topology.primary_position.lsn ||
	    newest_covers(router->shared.newest, token))
		return STEP_NEXT;
	pool = router_primary_pool(router);
	if (!pool)
		return STEP_NEXT;
	task->confirm = (struct call){
		.kind = CALL_PROBE,
		.arena = &request->arena,
		.on_done = fates_on_confirmed,
	};
	if (!pool_submit(pool, &task->confirm))
		return request_fail(request, OUTCOME_QUEUE_FULL, "too many requests are waiting");
	task->confirming = true;
	return STEP_WAIT;
}

void fates_forget(struct task *task)
{
	if (task->confirming)
		pool_forget(task->confirm.pool, &task->confirm);
	task->confirming = false;
}
