/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c health_story.c */
/* What row level security is told of who asks, and that every call of a request tells it. */
#include "router/claims.h"

#include "base/clock.h"
#include "health_story.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct text roles[] = { { "app", 3 }, { "a,\"b\"", 5 } };

static const struct principal key = {
	.kind = PRINCIPAL_KEY,
	.acts_for = ACTS_FOR_ANY,
	.id = { "key:web", 7 },
	.scope = { "", 0 },
	.roles = roles,
	.roles_count = 2,
	/* What stands behind the object is another's. */
	.claims = { "{\"sub\":\"web\"}behind", 13 },
};

static void declare(struct scene *scene, const char *name)
{
	for (unsigned i = 0; i < scene->catalog->count; i++)
		if (!strcmp(scene->catalog->operations[i].name, name))
			scene->catalog->operations[i].claims = CATALOG_CLAIMS_SET;
}

static void assert_claims(const struct call *call, const char *object, const char *user,
			  const char *names)
{
	assert_non_null(call);
	assert_non_null(call->claims);
	assert_string_equal(call->claims[CLAIMS_OBJECT], object);
	assert_string_equal(call->claims[CLAIMS_USER], user);
	assert_string_equal(call->claims[CLAIMS_ROLES], names);
}

static void assert_of_key(const struct call *call)
{
	assert_claims(call, "{\"sub\":\"web\"}", "ann", "[\"app\",\"a,\\\"b\\\"\"]");
}

/* The key asks for ann. */
static struct call *ask_by_key(struct scene *scene, struct asked *asked, enum request_kind kind,
			       const char *operation)
{
	scene_ask(scene, asked, kind, operation, "ann");
	asked->request->principal = &key;
	scene_take(scene, asked);
	return kind == REQUEST_COMMAND ? fake_call(0, CALL_COMMAND)
				       : fake_call(asked_node(), CALL_QUERY);
}

static void answer_last(void)
{
	fake_answer(fake_call(asked_node(), CALL_QUERY), SCENE_LSN, 1001, "{\"id\":7}", 1);
}

static void an_operation_that_does_not_declare_them_sets_none(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	begin(scene);
	declare(scene, "fresh");
	assert_null(ask_by_key(scene, &asked, REQUEST_QUERY, "orders")->claims);
	answer_last();
}

static void with_claims_all_every_statement_gets_them(void **state)
{
	struct scene *scene = *state;
	struct asked query, command;

	begin(scene);
	scene->options.claims = CLAIMS_ALL;
	assert_of_key(ask_by_key(scene, &command, REQUEST_COMMAND, "place"));
	fake_commit(fake_call(0, CALL_COMMAND), 2000, false, "{\"id\":7}", 1);
	assert_of_key(ask_by_key(scene, &query, REQUEST_QUERY, "orders"));
	answer_last();
}

static void whoever_reaches_an_open_port_has_no_claims_and_its_user(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	begin(scene);
	declare(scene, "orders");
	scene_ask(scene, &asked, REQUEST_QUERY, "orders", "ann");
	scene_take(scene, &asked);
	assert_claims(fake_call(asked_node(), CALL_QUERY), "{}", "ann", "[]");
	answer_last();
}

static void who_acts_for_nobody_has_an_empty_user(void **state)
{
	const struct principal cron = { .kind = PRINCIPAL_KEY, .claims = TEXT("{}") };
	struct scene *scene = *state;
	struct asked asked;

	begin(scene);
	declare(scene, "orders");
	scene_ask(scene, &asked, REQUEST_QUERY, "orders", NULL);
	asked.request->user = asked.request->user_key = (struct text){ 0 };
	asked.request->principal = &cron;
	scene_take(scene, &asked);
	assert_claims(fake_call(asked_node(), CALL_QUERY), "{}", "", "[]");
	answer_last();
}

/* --- however often it is sent ---------------------------------------------------------------- */

static void a_second_node_is_told_the_same(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	begin(scene);
	declare(scene, "orders");
	(void)ask_by_key(scene, &asked, REQUEST_QUERY, "orders");
	fake_lost(fake_call(asked_node(), CALL_QUERY), CALL_LOST, "the connection was lost");
	scene_pass(scene, 5 * US_PER_MS);
	assert_of_key(fake_call(asked_node(), CALL_QUERY));
	answer_last();
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
}

static void a_hedge_is_told_the_same(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	begin(scene);
	scene->options.hedge = 1;
	for (unsigned i = 0; i < 200; i++) {
		struct asked earlier;

		ask(scene, &earlier, "orders");
		answer_last();
		asked_free(&earlier);
	}
	declare(scene, "orders");
	for (unsigned i = 0; i < scene->catalog->count; i++)
		atomic_store(&scene->catalog->operations[i].statement->late_us, 20 * US_PER_MS);
	(void)ask_by_key(scene, &asked, REQUEST_QUERY, "orders");
	for (unsigned i = 0; i < 4; i++)
		scene_pass(scene, 5 * US_PER_MS);
	assert_of_key(fake_call(1, CALL_QUERY));
	assert_of_key(fake_call(2, CALL_QUERY));
	fake_answer(fake_call(1, CALL_QUERY), SCENE_LSN, 1001, "{\"id\":7}", 1);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
}

static void a_result_that_becomes_a_stream_is_asked_for_with_the_same(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	begin(scene);
	declare(scene, "orders");
	scene->options.stream_conns = 1;
	scene->options.stream_bytes_max = 1 << 30;
	scene_ask(scene, &asked, REQUEST_QUERY, "orders", "ann");
	asked.request->principal = &key;
	asked.request->may_stream = true;
	scene_take(scene, &asked);
	fake_lost(fake_call(asked_node(), CALL_QUERY), CALL_TOO_LARGE, NULL);
	assert_non_null(fake_call(asked_node(), CALL_QUERY)->on_rows);
	assert_of_key(fake_call(asked_node(), CALL_QUERY));
	answer_last();
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
}

static void a_command_that_runs_again_tells_the_same(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	begin(scene);
	declare(scene, "place");
	assert_of_key(ask_by_key(scene, &asked, REQUEST_COMMAND, "place"));
	fake_error(fake_call(0, CALL_COMMAND), "40001", "could not serialize access");
	scene_pass(scene, 100 * US_PER_MS);
	assert_of_key(fake_call(0, CALL_COMMAND));
	fake_commit(fake_call(0, CALL_COMMAND), 2000, true, "{\"id\":7}", 1);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_STORY(an_operation_that_does_not_declare_them_sets_none),
		SCENE_STORY(with_claims_all_every_statement_gets_them),
		SCENE_STORY(whoever_reaches_an_open_port_has_no_claims_and_its_user),
		SCENE_STORY(who_acts_for_nobody_has_an_empty_user),
		SCENE_STORY(a_second_node_is_told_the_same),
		SCENE_STORY(a_hedge_is_told_the_same),
		SCENE_STORY(a_result_that_becomes_a_stream_is_asked_for_with_the_same),
		SCENE_STORY(a_command_that_runs_again_tells_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
