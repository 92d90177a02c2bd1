/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens are judged at every level, session entries where the level promises them: a strong query
 * and a command, too, must not pass over a write that its user believes in.
 */
#include "router/consistency/required.h"

#include "base/control.h"

#include <assert.h>
#include <inttypes.h>

static uint32_t required_timeline(const struct topology *topology)
{
	return topology->primary_position.timeline;
}

/* Without any primary so far there is nothing to judge by: replicas prove what they can. */
enum fate required_fate(const struct topology *topology, struct position position)
{
	uint32_t timeline = required_timeline(topology);

	if (!timeline || position.timeline == timeline || !CONTROL_TIMELINES)
		return FATE_CURRENT;
	if (position.timeline > timeline)
		return FATE_NEWER;
	return topology_fate(topology, position);
}

/* Survived or current: as it reads on the primary's timeline. */
struct position required_translate(const struct topology *topology, struct position position)
{
	if (required_timeline(topology))
		position.timeline = required_timeline(topology);
	return position;
}

/* What a failover took from a request, in words. NULL: nothing. */
struct loss {
	const char *token, *user;
};

struct judging {
	const struct required_by *by;
	struct required *required;
	struct loss loss;
};

/*
 * All at once, so that one answer settles it. The token that goes with it also stands for what of
 * the request was not lost: it may be all that the client keeps.
 */
static enum step required_tell(const struct required *required, const struct required_by *by,
			       const struct loss *loss)
{
	const struct topology *topology = by->topology;
	struct position position = position_max(topology->primary_position, required->position);

	token_make(by->tokens, topology_token(topology, position), by->request->token);
	return request_fail(
		by->request, OUTCOME_WRITE_LOST,
		"a failover to timeline %" PRIu32
		" lost what %s%s%s; nothing was run. Go on with the token of this answer",
		branch_number(position.timeline), loss->token ? loss->token : "",
		loss->token && loss->user ? " and what " : "", loss->user ? loss->user : "");
}

static void required_require(struct judging *judging, struct position position)
{
	struct required *required = judging->required;

	required->position = position_max(required->position, position);
}

/* Since when a branch has been heard of under the primary's timeline of now. */
static int64_t required_heard_us(const struct required_by *by, struct branch_position token)
{
	struct heard *heard = by->heard;
	uint32_t judged = required_timeline(by->topology);
	struct heard_branch *branch;

	for (unsigned i = 0; i < HEARD_MAX; i++) {
		branch = &heard->branches[i];
		if (branch->timeline == token.timeline && branch->history == token.history &&
		    branch->mark == token.mark && branch->judged == judged)
			return branch->since_us;
	}
	branch = &heard->branches[heard->next++ % HEARD_MAX];
	*branch = (struct heard_branch){ .timeline = token.timeline,
					 .history = token.history,
					 .mark = token.mark,
					 .judged = judged,
					 .since_us = by->now_us };
	return branch->since_us;
}

/*
 * Is it of a branch that will not be seen any more? Some instance saw it, this one did not: all
 * that answer have agreed on another one for as long as they must before it is followed, since.
 */
static bool required_never_comes(const struct required_by *by, struct branch_position token)
{
	const struct topology *topology = by->topology;
	int64_t since_us = required_heard_us(by, token), back_us = by->back_us;

	return back_us && topology->agreed_us && topology->primary >= 0 &&
	       topology->agreed_us <= topology->nodes[topology->primary].seen_us - back_us &&
	       since_us <= topology->nodes[topology->primary].seen_us - back_us;
}

/*
 * A life on the primary's own timeline that its log does not have: it was lost, or has begun since
 * the primary told us last. A status that was sent after the token came shows which.
 */
static bool required_is_missing(const struct required_by *by, struct branch_position token)
{
	const struct topology *topology = by->topology;
	int64_t since_us = required_heard_us(by, token);

	return topology->primary >= 0 && topology->nodes[topology->primary].asked_us > since_us;
}

static enum step required_newer(struct judging *judging)
{
	judging->required->poll_now = true;
	return request_fail(judging->by->request, OUTCOME_NO_PRIMARY,
			    "the primary of the token's timeline has not been seen yet");
}

/* Of a branch that nothing is known of: the primary decides. Or of one that is to be seen yet. */
static enum step required_uncertain(struct judging *judging, enum fate fate)
{
	if (fate == FATE_NEWER)
		return required_newer(judging);
	assert(fate == FATE_UNKNOWN);
	judging->required->level = LEVEL_STRONG;
	return STEP_NEXT;
}

/* As the log that is followed has it: nothing else needs to be known. */
static enum fate required_by_life(const struct topology *topology, struct branch_position token,
				  struct position *position)
{
	enum fate fate = lives_fate(&topology->lives, token.mark, token.lsn);

	if (fate == FATE_UNKNOWN && lives_are_gone(&topology->lives_gone, token.mark))
		return FATE_LOST;
	if (fate == FATE_SURVIVED)
		*position = (struct position){ required_timeline(topology), token.lsn };
	return fate;
}

/* The token's position in this process. Without any primary so far there is nothing to judge by. */
static enum fate required_find(const struct judging *judging, struct branch_position token,
			       struct position *position)
{
	const struct topology *topology = judging->by->topology;
	enum fate fate;
	bool strange;

	*position = (struct position){ token.timeline, token.lsn };
	if (!required_timeline(topology) || !CONTROL_TIMELINES)
		return FATE_CURRENT;
	if (!topology->history.timeline)
		return required_fate(topology, *position);
	fate = required_by_life(topology, token, position);
	if (fate != FATE_UNKNOWN)
		return fate;
	fate = branches_find(&topology->branches, &topology->history, token, position);
	strange = lives_should_have(&topology->lives, token.mark, token.lsn);
	if (fate != FATE_NEWER && !strange)
		return fate;
	/* All others may have gone to its branch already, or back to it. */
	if (strange && fate == FATE_CURRENT ? required_is_missing(judging->by, token)
					    : required_never_comes(judging->by, token))
		return FATE_LOST;
	return FATE_NEWER;
}

static enum step required_token(struct judging *judging, struct branch_position token)
{
	struct position position;
	enum fate fate = required_find(judging, token, &position);

	switch (fate) {
	case FATE_CURRENT:
	case FATE_SURVIVED:
		position = required_translate(judging->by->topology, position);
		required_require(judging, position);
		if (position.lsn > judging->required->token_lsn)
			judging->required->token_lsn = position.lsn;
		return STEP_NEXT;
	case FATE_LOST:
		judging->loss.token = "this token stands for";
		return STEP_NEXT;
	default:
		return required_uncertain(judging, fate);
	}
}

static void required_mark(struct required *required, uint32_t mark, bool first)
{
	if (first)
		required->tokens_mark = mark;
	else if (required->tokens_mark != mark)
		required->tokens_mark = 0;
}

static enum step required_tokens(struct judging *judging)
{
	struct request *request = judging->by->request;

	for (unsigned i = 0; i < request->tokens_count; i++) {
		struct branch_position token;

		if (!token_read(judging->by->tokens, request->tokens[i], &token))
			return request_fail(request, OUTCOME_INVALID_CONSISTENCY_TOKEN,
					    "token %u is not one of this cluster", i + 1);
		required_mark(judging->required, token.mark, i == 0);
		if (required_token(judging, token) == STEP_DONE)
			return STEP_DONE;
	}
	return STEP_NEXT;
}

static enum step required_session(struct judging *judging);

/* One request settles it: the next one finds the entry of the new timeline. */
static enum step required_session_lost(struct judging *judging, struct session session)
{
	const struct required_by *by = judging->by;

	/* Another request of this user came first, and tells it: there is something new to see. */
	if (!sessions_settle(by->sessions, by->request->user_key, session,
			     by->topology->primary_position))
		return required_session(judging);
	judging->loss.user =
		session.remembered ? "this user wrote last" : "this user may have written";
	return STEP_NEXT;
}

static enum step required_session(struct judging *judging)
{
	const struct required_by *by = judging->by;
	struct session session = sessions_find(by->sessions, by->request->user_key);
	enum fate fate = required_fate(by->topology, session.position);

	/* Not before the topology is here that goes with the loss. */
	if (session.forgotten_lost && fate != FATE_NEWER)
		fate = FATE_LOST;
	switch (fate) {
	case FATE_CURRENT:
	case FATE_SURVIVED:
		required_require(judging,
				 required_translate(judging->by->topology, session.position));
		if (session.remembered)
			judging->required->session_lsn = session.position.lsn;
		return STEP_NEXT;
	case FATE_LOST:
		return required_session_lost(judging, session);
	default:
		return required_uncertain(judging, fate);
	}
}

/* A command or a strong query learns of lost writes even before there is a floor. */
static enum step required_user(struct judging *judging, enum level level)
{
	struct request *request = judging->by->request;
	struct position floor = sessions_floor(judging->by->sessions);

	if (level == LEVEL_EVENTUAL)
		return STEP_NEXT;
	if (!position_known(floor)) {
		if (level == LEVEL_STRONG)
			return STEP_NEXT;
		return request_fail(request, OUTCOME_NO_PRIMARY,
				    "no primary has been seen since the service started");
	}
	if (request->user.ptr)
		return required_session(judging);
	if (level == LEVEL_SESSION && required_fate(judging->by->topology, floor) != FATE_CURRENT)
		return required_newer(judging);
	if (level == LEVEL_SESSION)
		required_require(judging, floor);
	return STEP_NEXT;
}

enum step required_judge(struct required *required, const struct required_by *by, enum level level)
{
	struct judging judging = { .by = by, .required = required };

	*required = (struct required){
		.judged = required_timeline(by->topology),
		.life = topology_life(by->topology),
		.level = level,
		.position = POSITION_NONE,
	};
	/* The session last: once it is settled, this answer must report it. */
	if (required_tokens(&judging) == STEP_DONE || required_user(&judging, level) == STEP_DONE)
		return STEP_DONE;
	return judging.loss.token || judging.loss.user ? required_tell(required, by, &judging.loss)
						       : STEP_NEXT;
}

/* Where WAL is known to be lost, a token of more than there is stands for what was lost. */
enum step required_refuse_beyond(const struct required_by *by)
{
	const struct loss loss = { .token = "this token stands for" };
	const struct required nothing = { .position = POSITION_NONE };

	if (by->topology->branches.era)
		return required_tell(&nothing, by, &loss);
	return request_fail(by->request, OUTCOME_INVALID_CONSISTENCY_TOKEN,
			    "the token is of a position that the primary has not reached");
}
