/* SPDX-License-Identifier: Apache-2.0 */
/* The trips of a description: which of them are needed, and what each may find. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
#include "pg/describe.h"

#include "fake_libpq.h"
#include "pg/pool_private.h"
#include "pg/types/form.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NAMES_TEXT "SELECT string_agg(coalesce(to_regtype"
#define FORMS_TEXT "WITH RECURSIVE reached"
#define MOODS                                                                                      \
	"{\"oid\":16391,\"name\":\"mood[]\",\"kind\":\"a\",\"inner\":16390,"                       \
	"\"delimiter\":\",\",\"fields\":[]}"

static struct statement statement;
static struct describe describe;
static struct arena arena;
static unsigned told;

static void on_done(struct describe *done)
{
	assert_ptr_equal(done, &describe);
	told++;
}

static int setup(void **state)
{
	told = 0;
	arena_init(&arena);
	memset(&statement, 0, sizeof(statement));
	statement.id = 50;
	statement.text = "SELECT $1";
	statement.params = 1;
	describe = (struct describe){
		.statement = &statement,
		.arena = &arena,
		.on_done = on_done,
	};
	return stage_clear(state);
}

static int teardown(void **state)
{
	statement_fini(&statement);
	arena_fini(&arena);
	return stage_close(state);
}

static void start(const char *const *declared)
{
	statement.param_types = declared;
	assert_true(describe_start(&describe, stage.pool));
	stage_turn();
}

static void test_a_statement_without_declared_types_needs_one_trip(void **state)
{
	fake_server.param_oid = 20;
	stage_open(NODE_REPLICA, 1);
	start(NULL);
	assert_string_equal(fake_sent(0),
			    "prepare:s50 describe:s50 [SELECT set_config('jit', 'off', true)]"
			    " prepare:leaves leaves(SELECT $1) sync");
	assert_string_equal(fake_oids(0), "0");
	stage_answer(0);
	assert_int_equal(told, 1);
	assert_int_equal(describe.end, CALL_OK);
	assert_int_equal(statement_shape(&statement)->param_types[0].oid, 20);
	assert_int_equal(statement_shape(&statement)->column_types[0].oid, 23);
}

static void test_a_declared_built_in_type_is_prepared_with(void **state)
{
	static const char *const declared[] = { "bigint" };

	stage_open(NODE_REPLICA, 1);
	start(declared);
	assert_string_equal(fake_oids(0), "20");
	stage_answer(0);
	assert_int_equal(describe.end, CALL_OK);
}

static void test_another_declared_type_is_asked_for_first(void **state)
{
	static const char *const declared[] = { "shop.\"mood\\\"" };

	fake_answer_with((struct fake_answer){ .text = NAMES_TEXT, .rows = 1, .cell = "16400" });
	stage_open(NODE_REPLICA, 1);
	start(declared);
	assert_non_null(strstr(fake_sent(0), "({\"shop.\\\"mood\\\\\\\"\"})"));
	assert_int_equal(told, 0);
	stage_answer(0);
	assert_string_equal(fake_oids(0), "16400");
	stage_answer(0);
	assert_int_equal(told, 1);
	assert_int_equal(describe.end, CALL_OK);
}

static void test_a_type_that_nobody_knows_is_named(void **state)
{
	static const char *const declared[] = { "mod" };

	fake_answer_with((struct fake_answer){ .text = NAMES_TEXT, .rows = 1, .cell = "0" });
	stage_open(NODE_REPLICA, 1);
	start(declared);
	stage_answer(0);
	assert_int_equal(describe.end, CALL_ERROR);
	assert_string_equal(describe.unknown_type, "mod");
	assert_string_equal(describe.error.sqlstate, "42704");
	assert_int_equal(describe.error.param, 1);
	assert_null(statement_shape(&statement));
}

static void test_a_name_that_cannot_be_a_type_is_named_too(void **state)
{
	static const char *const declared[] = { "no type" };

	fake_answer_with((struct fake_answer){
		.text = NAMES_TEXT, .what = FAKE_ERROR, .sqlstate = "22P02" });
	stage_open(NODE_REPLICA, 1);
	start(declared);
	stage_answer(0);
	assert_int_equal(describe.end, CALL_ERROR);
	assert_string_equal(describe.unknown_type, "no type");
}

static void test_what_types_that_are_not_built_in_are_made_of_is_asked_last(void **state)
{
	fake_answer_with((struct fake_answer){ .text = FORMS_TEXT, .rows = 1, .cell = MOODS });
	fake_server.param_oid = 16400;
	fake_server.column_oid = 16391;
	stage_open(NODE_REPLICA, 1);
	start(NULL);
	stage_answer(0);
	assert_int_equal(told, 0);
	assert_non_null(strstr(fake_sent(0), "({16400,16391})"));
	fake_server.column_oid = 114; /* of the answer itself */
	stage_answer(0);
	assert_int_equal(describe.end, CALL_OK);
	assert_int_equal(statement_shape(&statement)->param_types[0].element_oid, 0);
	assert_int_equal(statement_shape(&statement)->column_types[0].element_oid, 16390);
}

#define PLACE(field)                                                                               \
	"{\"oid\":16391,\"name\":\"place\",\"kind\":\"c\",\"inner\":0,"                            \
	"\"delimiter\":\",\",\"fields\":[[\"" field "\",23]]}"

/* A shape with a composite column is there, and it is asked whether that has changed. */
static void verify(const char *before, const char *now, unsigned times)
{
	fake_answer_with(
		(struct fake_answer){ .text = FORMS_TEXT, .rows = 1, .cell = before, .times = 2 });
	fake_server.param_oid = 23;
	fake_server.column_oid = 16391;
	stage_open(NODE_REPLICA, 1);
	start(NULL);
	stage_answer(0);
	fake_server.column_oid = 114;
	stage_answer(0);
	assert_int_equal(describe.end, CALL_OK);
	(void)fake_sent(0);
	fake_answer_with(
		(struct fake_answer){ .text = FORMS_TEXT, .rows = 1, .cell = now, .times = times });
	describe = (struct describe){
		.statement = &statement,
		.arena = &arena,
		.revalidates = true,
		.verifies = true,
		.on_done = on_done,
	};
	start(NULL);
	assert_non_null(strstr(fake_sent(0), "({16391})"));
	stage_answer(0);
}

static void test_composites_that_have_not_changed_leave_the_shape_as_it_is(void **state)
{
	const struct shape *shape;
	uint32_t generation;

	verify(PLACE("a"), PLACE("a"), 1);
	shape = statement_shape(&statement);
	generation = shape->generation;
	assert_int_equal(told, 2);
	assert_int_equal(describe.end, CALL_OK);
	assert_true(describe.unchanged);
	assert_int_not_equal(shape->forms_due_us, SHAPE_FORMS_NEVER);
	assert_string_equal(shape->column_types[0].form->fields[0].name.ptr, "a");
	assert_ptr_equal(statement_shape(&statement), shape);
	assert_int_equal(shape->generation, generation);
}

static void test_composites_that_have_changed_are_described_anew(void **state)
{
	verify(PLACE("a"), PLACE("b"), 2);
	assert_int_equal(told, 1);
	fake_server.column_oid = 16391;
	stage_answer(0);
	fake_server.column_oid = 114;
	stage_answer(0);
	assert_int_equal(told, 2);
	assert_false(describe.unchanged);
	assert_string_equal(statement_shape(&statement)->column_types[0].form->fields[0].name.ptr,
			    "b");
}

static void test_a_shape_that_cannot_be_verified_now_stays(void **state)
{
	verify(PLACE("a"), PLACE("a"), 1);
	fake_answer_with((struct fake_answer){
		.text = FORMS_TEXT, .what = FAKE_ERROR, .sqlstate = "57014" });
	start(NULL);
	stage_answer(0);
	assert_int_equal(told, 3);
	assert_int_equal(describe.end, CALL_OK);
	assert_true(describe.unchanged);
}

static void test_an_error_of_the_statement_is_told_with_its_place(void **state)
{
	fake_answer_with((struct fake_answer){
		.text = "SELECT $1", .what = FAKE_ERROR, .sqlstate = "42703", .position = "8" });
	stage_open(NODE_REPLICA, 1);
	start(NULL);
	stage_answer(0);
	assert_int_equal(describe.end, CALL_ERROR);
	assert_int_equal(describe.error.char_position, 8);
	assert_null(describe.unknown_type);
}

static void test_a_lost_conn_is_told_and_leaves_no_shape(void **state)
{
	stage_open(NODE_REPLICA, 1);
	start(NULL);
	fake_lose(0);
	stage_turn();
	assert_int_equal(told, 1);
	assert_int_equal(describe.end, CALL_LOST);
	assert_null(statement_shape(&statement));
}

static void test_a_forgotten_description_is_not_told(void **state)
{
	stage_open(NODE_REPLICA, 1);
	start(NULL);
	describe_forget(&describe);
	stage_answer(0);
	assert_int_equal(told, 0);
}

static void test_the_statement_is_prepared_on_that_conn_from_then_on(void **state)
{
	struct stage_call call;

	fake_server.param_oid = 23;
	stage_open(NODE_REPLICA, 1);
	start(NULL);
	stage_answer(0);
	(void)fake_sent(0);
	stage_query(&call, &statement, "7");
	stage_turn();
	assert_string_equal(fake_sent(0), "prepare:probe probe s50(7) prepare:bound bound sync");
	stage_answer(0);
	stage_call_fini(&call);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_a_statement_without_declared_types_needs_one_trip),
		STORY(test_a_declared_built_in_type_is_prepared_with),
		STORY(test_another_declared_type_is_asked_for_first),
		STORY(test_a_type_that_nobody_knows_is_named),
		STORY(test_a_name_that_cannot_be_a_type_is_named_too),
		STORY(test_what_types_that_are_not_built_in_are_made_of_is_asked_last),
		STORY(test_composites_that_have_not_changed_leave_the_shape_as_it_is),
		STORY(test_composites_that_have_changed_are_described_anew),
		STORY(test_a_shape_that_cannot_be_verified_now_stays),
		STORY(test_an_error_of_the_statement_is_told_with_its_place),
		STORY(test_a_lost_conn_is_told_and_leaves_no_shape),
		STORY(test_a_forgotten_description_is_not_told),
		STORY(test_the_statement_is_prepared_on_that_conn_from_then_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
