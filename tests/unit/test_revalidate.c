/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* A request whose statement no longer fits the database: described, bound and placed again. */
#include "scene.h"

#include "base/limits.h"
#include "pg/revalidation.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { INT4 = 23, INT8 = 20 };

static struct scene scene;
static struct asked asked;

static struct statement *statement_of(enum request_kind kind, const char *name)
{
	return catalog_find(scene.catalog, kind, text_of(name))->statement;
}

static int set_up(void **state)
{
	(void)state;
	scene_init(&scene);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	asked_free(&asked);
	scene_fini(&scene);
	return 0;
}

static struct call *place(void)
{
	scene_ask(&scene, &asked, REQUEST_COMMAND, "place", "ann");
	scene_take(&scene, &asked);
	assert_non_null(fake_call(0, CALL_COMMAND));
	return fake_call(0, CALL_COMMAND);
}

static void refuse(struct call *call)
{
	call->generation = statement_generation(call->statement);
	call->error.of_catalog = true;
	fake_error(call, "42804", "column is of another type");
}

static void assert_refused(const char *sqlstate)
{
	(void)sqlstate;
	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_QUERY_FAILED);
}

static void a_command_that_a_changed_catalog_refuses_is_described_and_runs_again(void **state)
{
	(void)state;
	refuse(place());
	assert_int_equal(asked.done, 0);
	assert_null(fake_call(0, CALL_COMMAND));

	fake_described(fake_describing(0), INT4, INT4);
	assert_int_equal(asked.done, 0);
	assert_ptr_equal(fake_call(0, CALL_COMMAND)->bound,
			 statement_shape(statement_of(REQUEST_COMMAND, "place")));
	fake_commit(fake_call(0, CALL_COMMAND), 2000, true, "{\"id\":7}", 1);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	assert_false(revalidation_is_on(statement_of(REQUEST_COMMAND, "place")));
}

static void an_error_that_stays_is_told_and_described_no_more(void **state)
{
	struct statement *statement;

	(void)state;
	refuse(place());
	statement = statement_of(REQUEST_COMMAND, "place");
	for (unsigned i = 0; i < REVALIDATIONS_PER_REQUEST_MAX; i++) {
		assert_int_equal(asked.done, 0);
		fake_described(fake_describing(0), INT8, INT8);
		refuse(fake_call(0, CALL_COMMAND));
	}

	assert_refused("42804");
	assert_false(revalidation_is_on(statement));
}

static void what_was_described_often_lately_is_told_at_once(void **state)
{
	struct call *call = place();

	(void)state;
	while (revalidation_pay(call->statement, SCENE_START_US))
		;
	refuse(call);

	assert_refused("42804");
}

static void an_error_of_another_kind_is_told_at_once(void **state)
{
	(void)state;
	fake_error(place(), "42501", "permission denied");

	assert_refused("42501");
}

static void what_another_loop_describes_is_waited_for(void **state)
{
	struct call *call = place();
	struct statement *statement = call->statement;
	struct shape *shape = shape_new(statement->params, 1);

	(void)state;
	assert_true(revalidation_begin(statement, SCENE_START_US));
	refuse(call);
	assert_null(fake_describing(0));
	scene_pass(&scene, REVALIDATION_CHECK_US);
	assert_int_equal(asked.done, 0);

	shape->generation = statement_next_generation();
	statement_renew_shape(statement, shape);
	revalidation_end(statement);
	scene_pass(&scene, REVALIDATION_CHECK_US);

	assert_null(fake_describing(0));
	fake_commit(fake_call(0, CALL_COMMAND), 2000, true, "{\"id\":7}", 1);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
}

static void a_client_that_goes_while_its_statement_is_described_leaves_it_to_others(void **state)
{
	struct call *call = place();
	struct statement *statement = call->statement;

	(void)state;
	refuse(call);
	assert_true(revalidation_is_on(statement));
	asked.request->on_client_gone(asked.request);

	assert_false(revalidation_is_on(statement));
}

static unsigned asked_replica(void)
{
	return fake_call(1, CALL_QUERY) ? 1 : 2;
}

static void a_query_is_described_by_the_primary(void **state)
{
	(void)state;
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);
	fake_call(asked_replica(), CALL_QUERY)->lower = 1000;
	refuse(fake_call(asked_replica(), CALL_QUERY));

	assert_null(fake_describing(1));
	assert_null(fake_describing(2));
	fake_described(fake_describing(0), INT8, INT8);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), SCENE_LSN, SCENE_LSN, "{\"id\":7}", 1);

	assert_int_equal(asked.request->outcome, OUTCOME_OK);
}

static void a_replica_that_lacks_the_change_is_passed_over_for_a_moment(void **state)
{
	struct shape *shape;
	unsigned first;

	(void)state;
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);
	first = asked_replica();
	shape = (struct shape *)statement_shape(statement_of(REQUEST_QUERY, "order"));
	shape->since_us = SCENE_START_US;
	fake_call(first, CALL_QUERY)->lower = 1000;
	fake_call(first, CALL_QUERY)->in_recovery = true;
	refuse(fake_call(first, CALL_QUERY));

	assert_null(fake_call(first, CALL_QUERY));
	assert_non_null(fake_call(3 - first, CALL_QUERY));
	fake_answer(fake_call(3 - first, CALL_QUERY), SCENE_LSN, SCENE_LSN, "{\"id\":7}", 1);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	asked_free(&asked);

	/* The same user would be sent to the same replica again. */
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);
	assert_null(fake_call(first, CALL_QUERY));
	fake_answer(fake_call(3 - first, CALL_QUERY), SCENE_LSN, SCENE_LSN, "{\"id\":7}", 1);
	asked_free(&asked);

	scene_pass(&scene, REVALIDATION_LACK_US);
	scene_publish(&scene);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);
	assert_non_null(fake_call(first, CALL_QUERY));
	fake_answer(fake_call(first, CALL_QUERY), SCENE_LSN, SCENE_LSN, "{\"id\":7}", 1);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_command_that_a_changed_catalog_refuses_is_described_and_runs_again),
		STORY(an_error_that_stays_is_told_and_described_no_more),
		STORY(what_was_described_often_lately_is_told_at_once),
		STORY(an_error_of_another_kind_is_told_at_once),
		STORY(what_another_loop_describes_is_waited_for),
		STORY(a_client_that_goes_while_its_statement_is_described_leaves_it_to_others),
		STORY(a_query_is_described_by_the_primary),
		STORY(a_replica_that_lacks_the_change_is_passed_over_for_a_moment),
	};

	return cmocka_run_group_tests_name("renew", tests, NULL, NULL);
}
