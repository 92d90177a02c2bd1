/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* Commands: the session entry before the reply, and never twice what may have happened once. */
#include "scene.h"

#include "base/clock.h"
#include "pg/reconnect.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct call *place(struct scene *scene, struct asked *asked)
{
	scene_ask(scene, asked, REQUEST_COMMAND, "place", "ann");
	scene_take(scene, asked);
	assert_non_null(fake_call(0, CALL_COMMAND));
	return fake_call(0, CALL_COMMAND);
}

static uint64_t required_of_ann(struct scene *scene)
{
	struct position required;

	required = sessions_find(scene->sessions, TEXT("ann")).position;
	return required.lsn;
}

static void the_session_entry_is_there_when_the_reply_leaves(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	fake_commit(place(scene, &asked), 2000, true, "{\"id\":7}", 1);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	assert_int_equal(required_of_ann(scene), 2000);
	buf_byte(&asked.request->out, '\0');
	assert_non_null(strstr(asked.request->out.ptr, "{\"data\":{\"id\":7},\"token\":\""));
}

static void a_command_that_changed_nothing_leaves_the_session_as_it_was(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	fake_commit(place(scene, &asked), 2000, false, "{\"id\":7}", 1);

	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	assert_int_equal(required_of_ann(scene), 1000);
}

static void a_command_whose_rows_cannot_be_told_is_remembered_all_the_same(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	fake_commit(place(scene, &asked), 2000, true, "{\"id\":7},{\"id\":8}", 2);

	assert_int_equal(asked.request->outcome, OUTCOME_UNEXPECTED_CARDINALITY);
	assert_int_equal(required_of_ann(scene), 2000);
}

static void a_lost_command_is_of_unknown_outcome_and_never_sent_again(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	fake_lost(place(scene, &asked), CALL_LOST, "server closed the connection");

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_OUTCOME_UNKNOWN);
	assert_int_equal(fake_waiting(0), 0);
}

static void a_serialization_failure_is_run_again_three_times_and_then_told(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	place(scene, &asked);
	for (unsigned i = 0; i < 3; i++) {
		fake_error(fake_call(0, CALL_COMMAND), "40001", "could not serialize access");
		assert_int_equal(asked.done, 0);
		scene_pass(scene, 60 * US_PER_MS);
		assert_non_null(fake_call(0, CALL_COMMAND));
	}

	fake_error(fake_call(0, CALL_COMMAND), "40001", "could not serialize access");

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_SERIALIZATION_FAILURE);
	assert_int_equal(fake_waiting(0), 0);
}

static void a_deadlock_that_goes_away_is_never_seen_by_the_client(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	fake_error(place(scene, &asked), "40P01", "deadlock detected");
	scene_pass(scene, 60 * US_PER_MS);

	fake_commit(fake_call(0, CALL_COMMAND), 3000, true, "{\"id\":7}", 1);

	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	assert_int_equal(required_of_ann(scene), 3000);
}

static void a_standby_that_was_taken_for_the_primary_makes_the_monitor_look(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned polls = fake_polls_now();

	fake_error(place(scene, &asked), "25006",
		   "cannot execute INSERT in a read-only transaction");

	assert_int_equal(asked.request->outcome, OUTCOME_NO_PRIMARY);
	assert_int_equal(fake_polls_now(), polls + 1);
}

static void a_command_that_waits_at_a_node_that_was_replaced_is_never_run_there(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	place(scene, &asked);
	scene->topology.primary = 1;
	scene->topology.nodes[0].role = NODE_UNKNOWN;
	scene->topology.nodes[0].in_rotation = false;
	scene->topology.nodes[1].role = NODE_PRIMARY;

	scene_publish(scene);

	assert_non_null(fake_abandoned(0));
	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_OUTCOME_UNKNOWN);
}

static void a_rerun_goes_to_the_primary_of_that_moment(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	fake_error(place(scene, &asked), "40001", "could not serialize access");
	scene->topology.primary = 1;
	scene->topology.nodes[0].role = NODE_UNKNOWN;
	scene->topology.nodes[1].role = NODE_PRIMARY;
	scene_publish(scene);

	scene_pass(scene, 60 * US_PER_MS);

	assert_int_equal(fake_waiting(0), 0);
	fake_commit(fake_call(1, CALL_COMMAND), 3000, true, "{\"id\":7}", 1);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	assert_string_equal(asked.request->node, scene->nodes[1].name);
	assert_ptr_equal(asked.request->node_shown, scene->nodes[1].shown);
}

static void a_session_that_the_server_ended_is_an_unknown_outcome(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	fake_error(place(scene, &asked), "57P01", "terminating connection");

	assert_int_equal(asked.request->outcome, OUTCOME_OUTCOME_UNKNOWN);
}

static void minimal_is_told_without_rows(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	scene_ask(scene, &asked, REQUEST_COMMAND, "place", "ann");
	asked.request->minimal = true;
	scene_take(scene, &asked);

	fake_commit(fake_call(0, CALL_COMMAND), 2000, true, "{\"id\":7}", 1);

	buf_byte(&asked.request->out, '\0');
	assert_non_null(strstr(asked.request->out.ptr, "{\"data\":null,\"token\":\""));
}

static void without_a_primary_commands_are_refused_at_once(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	scene->topology.primary = -1;
	scene_publish(scene);
	scene_ask(scene, &asked, REQUEST_COMMAND, "place", "ann");

	scene_take(scene, &asked);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_NO_PRIMARY);
}

static void a_command_that_waits_in_vain_at_a_node_is_told_what_for(void **state)
{
	struct scene *scene = *state;
	static const struct {
		enum conn_limit full;
		enum outcome outcome;
		const char *says;
	} rows[] = {
		{ CONN_LIMIT_ROLE, OUTCOME_QUEUE_TIMEOUT, "limit of the role" },
		{ CONN_LIMIT_DATABASE, OUTCOME_QUEUE_TIMEOUT, "limit of the database" },
		{ CONN_LIMIT_SERVER, OUTCOME_QUEUE_TIMEOUT, "the server grants" },
		{ CONN_LIMIT_NONE, OUTCOME_NO_PRIMARY, "waited too long" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asked asked;
		struct call *call;

		reconnect_note_limit(&scene->reconnect[0], rows[i].full, loop_now(scene->loop));
		fake_away(0, true);
		call = place(scene, &asked);
		call->refusal = REFUSAL_EXPIRED;

		fake_unsent(call, "waited too long for a connection");

		assert_int_equal(asked.request->outcome, rows[i].outcome);
		assert_non_null(strstr(asked.request->detail, rows[i].says));
		asked_free(&asked);
		scene_anew(scene);
	}
}

static void a_command_finds_no_primary_where_one_may_be_that_cannot_be_asked(void **state)
{
	struct scene *scene = *state;
	static const struct {
		enum node_role role;
		enum outcome outcome;
	} rows[] = {
		{ NODE_UNKNOWN, OUTCOME_QUEUE_TIMEOUT },
		{ NODE_REPLICA, OUTCOME_NO_PRIMARY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asked asked;

		scene->topology.primary = -1;
		scene->topology.nodes[0].role = rows[i].role;
		scene->topology.nodes[0].contact =
			rows[i].role != NODE_UNKNOWN ? NODE_REACHED : NODE_LOST;
		scene_publish(scene);
		reconnect_note_limit(&scene->reconnect[0], CONN_LIMIT_ROLE, loop_now(scene->loop));
		fake_away(0, true);
		scene_ask(scene, &asked, REQUEST_COMMAND, "place", "ann");

		scene_take(scene, &asked);

		assert_int_equal(asked.request->outcome, rows[i].outcome);
		asked_free(&asked);
		scene_anew(scene);
	}
}

static void a_misspelt_operation_is_answered_with_the_nearest_one(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	scene_ask(scene, &asked, REQUEST_COMMAND, "plase", "ann");

	scene_take(scene, &asked);

	assert_int_equal(asked.request->outcome, OUTCOME_UNKNOWN_OPERATION);
	assert_non_null(strstr(asked.request->detail, "\"place\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_STORY(the_session_entry_is_there_when_the_reply_leaves),
		SCENE_STORY(a_command_that_changed_nothing_leaves_the_session_as_it_was),
		SCENE_STORY(a_command_whose_rows_cannot_be_told_is_remembered_all_the_same),
		SCENE_STORY(a_lost_command_is_of_unknown_outcome_and_never_sent_again),
		SCENE_STORY(a_serialization_failure_is_run_again_three_times_and_then_told),
		SCENE_STORY(a_deadlock_that_goes_away_is_never_seen_by_the_client),
		SCENE_STORY(a_standby_that_was_taken_for_the_primary_makes_the_monitor_look),
		SCENE_STORY(a_command_that_waits_at_a_node_that_was_replaced_is_never_run_there),
		SCENE_STORY(a_rerun_goes_to_the_primary_of_that_moment),
		SCENE_STORY(a_session_that_the_server_ended_is_an_unknown_outcome),
		SCENE_STORY(minimal_is_told_without_rows),
		SCENE_STORY(without_a_primary_commands_are_refused_at_once),
		SCENE_STORY(a_command_that_waits_in_vain_at_a_node_is_told_what_for),
		SCENE_STORY(a_command_finds_no_primary_where_one_may_be_that_cannot_be_asked),
		SCENE_STORY(a_misspelt_operation_is_answered_with_the_nearest_one),
	};

	return cmocka_run_group_tests_name("command steps", tests, NULL, NULL);
}
