/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens are judged at every level, session entries where the level promises them: a strong query
 * and a command, too, must not pass over a write that its user believes in.
 */
#include "router/consistency/required.h"

#include "base/control.h"
#include "router/task.h"

#include <assert.h>
#include <inttypes.h>

static uint32_t required_timeline(const struct task *task)
{
	return task->router->topology.primary_position.timeline;
}

/* Without any primary so far there is nothing to judge by: replicas prove what they can. */
enum fate required_of(const struct task *task, struct position position)
{
	uint32_t timeline = required_timeline(task);

	if (!timeline || position.timeline == timeline || !CONTROL_TIMELINES)
		return FATE_CURRENT;
	if (position.timeline > timeline)
		return FATE_NEWER;
	return topology_fate(&task->router->topology, position);
}

bool required_hold(const struct task *task)
{
	return task->judged == required_timeline(task);
}

/* What a failover took from a request, in words. NULL: nothing. */
struct loss {
	const char *token, *user;
};

/* The position of the new timeline that is put in the place of what was lost. */
static struct position required_go_on(const struct task *task)
{
	return task->router->topology.primary_position;
}

/*
 * All at once, so that one answer settles it. The token that goes with it also stands for what of
 * the request was not lost: it may be all that the client keeps.
 */
static enum step required_tell(struct task *task, const struct loss *loss)
{
	struct position position = position_max(required_go_on(task), task->needs.required);

	router_token(task->router, position, task->request->token);
	return request_fail(
		task->request, OUTCOME_WRITE_LOST,
		"a failover to timeline %" PRIu32
		" lost what %s%s%s; nothing was run. Go on with the token of this answer",
		branch_number(position.timeline), loss->token ? loss->token : "",
		loss->token && loss->user ? " and what " : "", loss->user ? loss->user : "");
}

static void required_require(struct task *task, struct position position)
{
	task->needs.required = position_max(task->needs.required, position);
}

/* Survived or current: as it reads on the primary's timeline. */
struct position required_translate(const struct task *task, struct position position)
{
	if (required_timeline(task))
		position.timeline = required_timeline(task);
	return position;
}

/*
 * Is it of a branch that will not be seen any more? Some instance saw it, this one did not: all
 * that answer have agreed on another one for as long as they must before it is followed, since.
 */
static bool required_never_comes(struct task *task, struct position position)
{
	struct router *router = task->router;
	const struct topology *topology = &router->topology;
	struct heard *heard = &router->heard;
	int64_t back_us = router->shared.options->timeline_back_us;
	int64_t now_us = loop_now(router->loop);

	if (heard->timeline != position.timeline || heard->judged != required_timeline(task))
		*heard = (struct heard){ position.timeline, required_timeline(task), now_us };
	return back_us && topology->agreed_us && topology->primary >= 0 &&
	       topology->agreed_us <= topology->nodes[topology->primary].seen_us - back_us &&
	       heard->since_us <= topology->nodes[topology->primary].seen_us - back_us;
}

static enum step required_newer(struct task *task)
{
	monitor_poll_now(task->router->shared.monitor);
	return request_fail(task->request, OUTCOME_NO_PRIMARY,
			    "the primary of the token's timeline has not been seen yet");
}

/* The token's position in this process. Without any primary so far there is nothing to judge by. */
static enum fate required_find(struct task *task, struct branch_position token,
			       struct position *position)
{
	const struct topology *topology = &task->router->topology;
	enum fate fate;

	*position = (struct position){ token.timeline, token.lsn };
	if (!required_timeline(task) || !CONTROL_TIMELINES)
		return FATE_CURRENT;
	if (!topology->history.timeline)
		return required_of(task, *position);
	fate = branches_find(&topology->branches, &topology->history, token, position);
	if (fate == FATE_NEWER && required_never_comes(task, *position))
		return FATE_LOST;
	return fate;
}

static enum step required_token(struct task *task, struct branch_position token, struct loss *loss)
{
	struct position position;

	switch (required_find(task, token, &position)) {
	case FATE_CURRENT:
	case FATE_SURVIVED:
		position = required_translate(task, position);
		required_require(task, position);
		if (position.lsn > task->token_lsn)
			task->token_lsn = position.lsn;
		return STEP_NEXT;
	case FATE_LOST:
		loss->token = "this token stands for";
		return STEP_NEXT;
	case FATE_UNKNOWN:
		task->needs.level = LEVEL_STRONG;
		return STEP_NEXT;
	case FATE_NEWER:
		return required_newer(task);
	}
	assert(!"a fate");
	return STEP_DONE;
}

static enum step required_tokens(struct task *task, struct loss *loss)
{
	struct request *request = task->request;
	struct router *router = task->router;

	for (unsigned i = 0; i < request->tokens_count; i++) {
		struct branch_position token;

		if (!token_read(router->tokens, request->tokens[i], &token))
			return request_fail(request, OUTCOME_INVALID_CONSISTENCY_TOKEN,
					    "token %u is not one of this cluster", i + 1);
		if (required_token(task, token, loss) == STEP_DONE)
			return STEP_DONE;
	}
	return STEP_NEXT;
}

static enum step required_session(struct task *task, struct loss *loss);

/* Told once: whoever comes next finds the entry of the new timeline. */
static enum step required_session_lost(struct task *task, struct session session, struct loss *loss)
{
	struct sessions *sessions = task->router->shared.sessions;

	/* Another request of this user came first, and tells it: there is something new to see. */
	if (!sessions_settle(sessions, task->request->user, session, required_go_on(task)))
		return required_session(task, loss);
	loss->user = session.remembered ? "this user wrote last" : "this user may have written";
	return STEP_NEXT;
}

static enum step required_session(struct task *task, struct loss *loss)
{
	struct request *request = task->request;
	const struct sessions *sessions = task->router->shared.sessions;
	struct session session = sessions_look(sessions, request->user);
	enum fate fate = required_of(task, session.position);

	/* Not before the topology is here that goes with the loss. */
	if (session.forgotten_lost && fate != FATE_NEWER)
		fate = FATE_LOST;
	switch (fate) {
	case FATE_CURRENT:
	case FATE_SURVIVED:
		required_require(task, required_translate(task, session.position));
		if (session.remembered)
			task->session_lsn = session.position.lsn;
		return STEP_NEXT;
	case FATE_LOST:
		return required_session_lost(task, session, loss);
	case FATE_UNKNOWN:
		task->needs.level = LEVEL_STRONG;
		return STEP_NEXT;
	case FATE_NEWER:
		return required_newer(task);
	}
	assert(!"a fate");
	return STEP_DONE;
}

/* What a command or a strong query is told of its user's writes needs no floor to begin with. */
static enum step required_user(struct task *task, enum level level, struct loss *loss)
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
		return required_session(task, loss);
	if (level == LEVEL_SESSION && required_of(task, floor) != FATE_CURRENT)
		return required_newer(task);
	if (level == LEVEL_SESSION)
		required_require(task, floor);
	return STEP_NEXT;
}

enum step required_judge(struct task *task)
{
	enum level level =
		task->request->kind == REQUEST_COMMAND ? LEVEL_STRONG : task->request->level_used;
	struct loss loss = { 0 };

	/* The floor is raised a moment before the topology that goes with it is published. */
	router_refresh(task->router);
	task->judged = required_timeline(task);
	task->needs.required = POSITION_NONE;
	task->needs.level = level;
	task->token_lsn = task->session_lsn = 0;
	/* The session last: what is settled there is told for sure. */
	if (required_tokens(task, &loss) == STEP_DONE ||
	    required_user(task, level, &loss) == STEP_DONE)
		return STEP_DONE;
	return loss.token || loss.user ? required_tell(task, &loss) : STEP_NEXT;
}

/* --- tokens beyond what was heard of ---------------------------------------------------------- */

bool required_beyond(const struct task *task, uint64_t newest)
{
	/* A standby that knows of nothing behind its position tells one byte more. */
	return task->token_lsn > newest + 1;
}

/* Where WAL is known to be lost, a token of more than there is stands for what was lost. */
enum step required_refuse_beyond(struct task *task)
{
	const struct loss loss = { .token = "this token stands for" };

	if (task->router->topology.branches.era) {
		task->needs.required = POSITION_NONE;
		return required_tell(task, &loss);
	}
	return request_fail(task->request, OUTCOME_INVALID_CONSISTENCY_TOKEN,
			    "the token is of a position that the primary has not reached");
}

static void required_on_confirmed(struct call *call)
{
	struct task *task = container_of(call, struct task, confirm);
	struct position required = task->needs.required;

	request_wait_over(task->request);
	if (call->end != CALL_OK || call->in_recovery || !required_hold(task)) {
		/* Who the primary is will be seen when the request is placed. */
		request_resume(task->request, STEP_NEXT);
		return;
	}
	high_water_raise(task->router->shared.high_water,
			 (struct position){ required.timeline, call->newest });
	if (required_beyond(task, call->newest)) {
		(void)required_refuse_beyond(task);
		task_finish(task);
		return;
	}
	request_resume(task->request, STEP_NEXT);
}

static void required_cancel_confirm(struct request *request)
{
	struct task *task = request->task;

	pool_forget(task->confirm.pool, &task->confirm);
}

enum step required_confirm(struct request *request)
{
	struct task *task = request->task;
	struct router *router = task->router;
	const struct position token = { required_timeline(task), task->token_lsn };
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
		.on_done = required_on_confirmed,
	};
	if (!pool_submit(pool, &task->confirm))
		return request_fail(request, OUTCOME_QUEUE_FULL, "too many requests are waiting");
	return request_wait(request, WAIT_CONFIRM, required_cancel_confirm);
}
