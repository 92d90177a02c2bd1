/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* What a row says of the command that was accepted, and what a later catalog makes of it. */
#include "write/jobs/job_row.h"

#include "base/buf.h"
#include "catalog_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COMMAND "-- command: c :exec\n"

static struct arena arena;

static int start(void **state)
{
	arena_init(&arena);
	return 0;
}

static int stop(void **state)
{
	arena_fini(&arena);
	return 0;
}

static const char *written(const char *text, const char *const *values)
{
	struct catalog *catalog;
	const struct operation *operation = story_operation(&catalog, text);
	struct buf out;
	const char *copy;

	buf_init(&out);
	job_row_write_parameters(&out, operation, values);
	copy = arena_copy(&arena, out.ptr, out.len);
	buf_fini(&out);
	catalog_let_go(catalog);
	return copy;
}

/* The values by another catalog, joined by blanks; what is wrong instead, where there is. */
static const char *read_by(const char *text, const char *parameters)
{
	static const char *const ends[] = { [JOB_ROW_MISSING] = "missing",
					    [JOB_ROW_UNKNOWN] = "unknown",
					    [JOB_ROW_BROKEN] = "broken" };
	struct catalog *catalog;
	const struct operation *operation = story_operation(&catalog, text);
	const char *const *values, *name, *joined = "";
	enum job_row_values end =
		job_row_read(&arena, operation, text_of(parameters), &values, &name);

	if (end != JOB_ROW_READ)
		joined = arena_printf(&arena, "%s %s", ends[end], name ? name : "-");
	for (unsigned i = 0; end == JOB_ROW_READ && i < operation->parameters_count; i++)
		joined = arena_printf(&arena, "%s%s%s", joined, i ? " " : "",
				      values[i] ? values[i] : "NULL");
	catalog_let_go(catalog);
	return joined;
}

static void parameters_are_kept_by_name_as_they_are_bound(void **state)
{
	const char *values[] = { "7", "a \"b\"\\\n\xc3\xa4", NULL };
	const char *text = COMMAND "SELECT :id, :note, :request_user";
	const char *row = written(text, values);

	assert_string_equal(
		row,
		"{\"id\":\"7\",\"note\":\"a \\\"b\\\"\\\\\\n\xc3\xa4\",\"request_user\":null}");
	assert_string_equal(read_by(text, row), "7 a \"b\"\\\n\xc3\xa4 NULL");
}

static void a_command_without_parameters_keeps_none(void **state)
{
	const char *const none[] = { NULL };

	assert_string_equal(written(COMMAND "SELECT 1", none), "{}");
	assert_string_equal(read_by(COMMAND "SELECT 1", "{}"), "");
}

static void their_order_may_change(void **state)
{
	assert_string_equal(read_by(COMMAND "SELECT :b, :a", "{\"a\":\"1\",\"b\":\"2\"}"), "2 1");
}

static void one_that_came_later_has_its_default_or_none(void **state)
{
	assert_string_equal(read_by(COMMAND "-- @param a int\n"
					    "-- @param b int = 5\n"
					    "-- @param c int?\n"
					    "SELECT :a, :b, :c",
				    "{\"a\":\"1\"}"),
			    "1 5 NULL");
	assert_string_equal(read_by(COMMAND "SELECT :a, :request_user", "{\"a\":\"1\"}"), "1 NULL");
}

/* It was null when it was accepted, although there is a default now. */
static void a_null_stays_null(void **state)
{
	assert_string_equal(read_by(COMMAND "-- @param a int = 5\nSELECT :a", "{\"a\":null}"),
			    "NULL");
}

static void what_no_longer_fits_is_named(void **state)
{
	assert_string_equal(read_by(COMMAND "SELECT :a, :b", "{\"a\":\"1\"}"), "missing b");
	assert_string_equal(read_by(COMMAND "SELECT :a", "{\"a\":\"1\",\"b\":\"2\"}"), "unknown b");
	assert_string_equal(read_by(COMMAND "SELECT :a", "{\"a\":1}"), "broken -");
	assert_string_equal(read_by(COMMAND "SELECT :a", "[]"), "broken -");
	assert_string_equal(read_by(COMMAND "SELECT :a", "{\"a\":"), "broken -");
}

static void claims_are_kept_as_they_are_set(void **state)
{
	const char *const claims[] = { "{\"sub\":\"web\"}", "ann", "[\"app\"]" };
	struct buf out;

	buf_init(&out);
	job_row_write_claims(&out, claims);
	buf_byte(&out, '\0');
	assert_string_equal(out.ptr, "[\"{\\\"sub\\\":\\\"web\\\"}\",\"ann\",\"[\\\"app\\\"]\"]");
	buf_fini(&out);
}

static void a_key_and_its_successor_are_one_caller(void **state)
{
	struct principal key = { .kind = PRINCIPAL_KEY,
				 .id = TEXT("key:0001"),
				 .subject = TEXT("web") };
	struct principal successor = key;
	struct principal peer = { .kind = PRINCIPAL_PEER, .id = TEXT("peer:web") };

	successor.id = TEXT("key:0002");
	assert_string_equal(job_row_caller(&arena, &key), "key:web");
	assert_string_equal(job_row_caller(&arena, &successor), "key:web");
	assert_string_equal(job_row_caller(&arena, &peer), "peer:web");
	assert_null(job_row_caller(&arena, &principal_open));
	assert_null(job_row_caller(&arena, &principal_anonymous));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_are_kept_by_name_as_they_are_bound),
		cmocka_unit_test(a_command_without_parameters_keeps_none),
		cmocka_unit_test(their_order_may_change),
		cmocka_unit_test(one_that_came_later_has_its_default_or_none),
		cmocka_unit_test(a_null_stays_null),
		cmocka_unit_test(what_no_longer_fits_is_named),
		cmocka_unit_test(claims_are_kept_as_they_are_set),
		cmocka_unit_test(a_key_and_its_successor_are_one_caller),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
