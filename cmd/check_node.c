/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One node during a check: one conn that may only read. What it prepares is planned by
 * EXPLAIN EXECUTE on the same conn, always generically, so that no value hides a part of the plan.
 */
#include "cmd/check_node.h"

#include "base/clock.h"
#include "cmd/check_text.h"
#include "pg/describe.h"
#include "pg/wire/pooler.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_REACH_US (5 * US_PER_S)
#define CHECK_TURN_US (100 * US_PER_MS)
#define CHECK_PAUSE_US (5 * US_PER_MS)

static const char check_generic[] =
	"SELECT set_config('plan_cache_mode', 'force_generic_plan', false),"
	" set_config('jit', 'off', false)";

static const char check_cluster[] =
	"SELECT system_identifier::text AS cluster FROM pg_control_system()";

static void check_node_mute(const struct check_node *node, const char *reason,
			    struct findings *findings)
{
	const char *last = pool_last_error(node->asker.pool);

	findings_trouble(findings, "%s: %s%s%s", node->asker.node->name,
			 reason ? reason : "no answer", *last ? ": " : "", last);
}

static void check_node_ask_cluster(struct check_node *node)
{
	const struct buf *out = &node->asker.out;
	struct call call;

	if (asker_ask(&node->asker, CALL_QUERY, check_cluster, &call) == CALL_OK &&
	    out->len < sizeof(node->cluster))
		memcpy(node->cluster, out->ptr, out->len);
}

bool check_node_open(struct check_node *node, const char *conninfo, struct findings *findings)
{
	struct call call;
	char error[512];

	*node = (struct check_node){ 0 };
	/* As a replica, whatever it is: then its only conn is one that may not write. */
	if (!asker_init(&node->asker, conninfo, NODE_REPLICA, NULL, error, sizeof(error))) {
		findings_trouble(findings, "%s", error);
		findings->usage = true;
		return false;
	}
	switch (asker_ask(&node->asker, CALL_QUERY, check_generic, &call)) {
	case CALL_OK:
		node->in_recovery = call.in_recovery;
		node->position = call.upper;
		if (asker_is_shared(&node->asker)) {
			findings_trouble(findings, "%s: %s", node->asker.node->name, POOLER_SHARED);
			break;
		}
		check_node_ask_cluster(node);
		return true;
	case CALL_ERROR:
	case CALL_TOO_LARGE:
		findings_trouble(findings, "%s: %s", node->asker.node->name, call.error.message);
		break;
	case CALL_UNSENT:
	case CALL_LOST:
		check_node_mute(node, call.lost_reason, findings);
		break;
	}
	asker_fini(&node->asker);
	return false;
}

void check_node_close(struct check_node *node)
{
	asker_fini(&node->asker);
}

bool check_node_reach(struct check_node *node, uint64_t position)
{
	int64_t until_us = loop_now(node->asker.loop) + CHECK_REACH_US;

	for (;;) {
		struct call call = { .kind = CALL_PROBE };
		int64_t pause_us;

		if (asker_call(&node->asker, &call) == CALL_OK && call.lower >= position)
			return true;
		if (loop_now(node->asker.loop) >= until_us)
			return false;
		pause_us = loop_now(node->asker.loop) + CHECK_PAUSE_US;
		while (loop_now(node->asker.loop) < pause_us)
			loop_turn(node->asker.loop, CHECK_PAUSE_US);
	}
}

void check_statement_init(struct statement *statement, const struct operation *operation)
{
	*statement = (struct statement){
		.id = statement_next_id(),
		.name = operation->name,
		.text = operation->statement->text,
		.params = operation->statement->params,
		.lookup = operation->statement->lookup,
		.key = operation->statement->key,
		.param_types = operation->statement->param_types,
		.drops_rows = operation->statement->drops_rows,
	};
}

/* --- describing ------------------------------------------------------------------------------ */

struct check_describing {
	struct describe describe;
	bool done;
};

static void check_on_described(struct describe *describe)
{
	container_of(describe, struct check_describing, describe)->done = true;
}

/* The parameter of a declared type that is not known; count: it cannot be told. */
static unsigned check_type_param(const struct operation *operation, const struct describe *describe)
{
	unsigned i;

	if (describe->error.param > 0 && describe->error.param <= operation->parameters_count)
		return describe->error.param - 1;
	for (i = 0; i < operation->parameters_count; i++)
		if (operation->parameters[i].type &&
		    !strcmp(operation->parameters[i].type, describe->unknown_type))
			break;
	return i;
}

static void check_tell_type(const struct operation *operation, const struct describe *describe,
			    struct findings *findings)
{
	unsigned param = check_type_param(operation, describe);
	struct place place = param < operation->parameters_count
				     ? operation->parameters[param].place
				     : operation->place;

	findings_error(
		findings, place,
		"type \"%s\" does not exist (a description without a type begins with \"-\")",
		describe->unknown_type);
}

/* "could not determine data type of parameter $2" has no position, but a parameter. */
static struct place check_error_place(const struct operation *operation,
				      const struct pg_error *error)
{
	const char *dollar = strchr(error->message, '$');
	unsigned long number;
	char *end;

	if (error->char_position > 0)
		return operation_place(operation, error->char_position);
	number = dollar && !strcmp(error->sqlstate, "42P18") ? strtoul(dollar + 1, &end, 10) : 0;
	if (number > 0 && number <= operation->parameters_count)
		return operation->parameters[number - 1].place;
	return operation->text_place;
}

static void check_tell_error(struct check_node *node, const struct operation *operation,
			     const struct pg_error *error, struct findings *findings)
{
	struct place place = check_error_place(operation, error);
	struct arena *arena = &node->asker.arena;

	findings_error(findings, place, "%s", check_message(arena, operation, error->message));
	if (error->detail)
		findings_note(findings, place, "%s",
			      check_message(arena, operation, error->detail));
	if (error->hint)
		findings_note(findings, place, "%s", check_message(arena, operation, error->hint));
	if (!strcmp(error->sqlstate, "42P18"))
		findings_note(findings, place, "declare its type: -- @param NAME TYPE");
}

enum check_answer check_describe(struct check_node *node, const struct operation *operation,
				 struct statement *statement, struct findings *findings)
{
	struct check_describing describing = {
		.describe = {
			.statement = statement,
			.arena = &node->asker.arena,
			.on_done = check_on_described,
		},
	};
	const struct describe *describe = &describing.describe;

	if (!describe_start(&describing.describe, node->asker.pool)) {
		check_node_mute(node, "its queue is full", findings);
		return CHECK_MUTE;
	}
	loop_again(node->asker.loop);
	while (!describing.done)
		loop_turn(node->asker.loop, CHECK_TURN_US);
	switch (describe->end) {
	case CALL_OK:
		return CHECK_FINE;
	case CALL_ERROR:
		if (describe->unknown_type)
			check_tell_type(operation, describe, findings);
		else
			check_tell_error(node, operation, &describe->error, findings);
		return CHECK_WRONG;
	case CALL_TOO_LARGE:
	case CALL_UNSENT:
	case CALL_LOST:
		break;
	}
	check_node_mute(node, describe->lost_reason, findings);
	return CHECK_MUTE;
}

/* --- planning -------------------------------------------------------------------------------- */

/* Input functions and casts: class 22, wrong types: 42804, domains: class 23. */
static bool check_is_about_value(const struct pg_error *error)
{
	return !strncmp(error->sqlstate, "22", 2) || !strncmp(error->sqlstate, "23", 2) ||
	       !strcmp(error->sqlstate, "42804");
}

static void check_tell_plan(struct check_node *node, const struct operation *operation,
			    const unsigned *starts, const struct pg_error *error,
			    struct findings *findings)
{
	unsigned count = operation->parameters_count;
	unsigned param = error->char_position
				 ? check_explain_param(starts, count, error->char_position)
				 : count;
	struct pg_error placeless = *error;

	if (param < count && operation->parameters[param].default_value.ptr) {
		findings_error(findings, operation->parameters[param].place,
			       "the default of \"%s\": %s", operation->parameters[param].name,
			       error->message);
		return;
	}
	if (check_is_about_value(error)) {
		findings_note(findings, operation->text_place, "it could not be planned: %s",
			      error->message);
		return;
	}
	placeless.char_position = 0;
	check_tell_error(node, operation, &placeless, findings);
}

static enum call_end check_ask_plan(struct check_node *node, const struct operation *operation,
				    struct statement *statement, unsigned *starts,
				    struct findings *findings, struct call *call)
{
	char *explain = check_explain(&node->asker.arena, operation, statement->id, starts);
	enum call_end end = asker_ask(&node->asker, CALL_QUERY, explain, call);

	/* It was prepared on a conn that is not there any more. */
	if (end == CALL_ERROR && !strcmp(call->error.sqlstate, "26000") &&
	    check_describe(node, operation, statement, findings) == CHECK_FINE)
		end = asker_ask(&node->asker, CALL_QUERY, explain, call);
	return end;
}

enum check_answer check_plan(struct check_node *node, const struct operation *operation,
			     struct statement *statement, struct findings *findings)
{
	unsigned errors = findings->errors;
	unsigned starts[PARAMS_MAX];
	const char *forbids;
	struct call call;

	assert(statement_shape(statement));
	switch (check_ask_plan(node, operation, statement, starts, findings, &call)) {
	case CALL_OK:
		break;
	case CALL_ERROR:
	case CALL_TOO_LARGE:
		check_tell_plan(node, operation, starts, &call.error, findings);
		return findings->errors > errors ? CHECK_WRONG : CHECK_FINE;
	case CALL_UNSENT:
	case CALL_LOST:
		check_node_mute(node, call.lost_reason, findings);
		return CHECK_MUTE;
	}
	forbids = check_plan_forbids((struct text){ node->asker.out.ptr, node->asker.out.len });
	if (operation->kind != REQUEST_QUERY || !forbids)
		return CHECK_FINE;
	findings_error(findings, operation->text_place, "%s", forbids);
	return CHECK_WRONG;
}
