/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* How clients write parameters: what is taken, and what is answered to what is not. */
#include "router/bind.h"

#include "base/json.h"
#include "catalog_story.h"
#include "http/head/query_string.h"
#include "pg/types/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char declared[] = "-- query: list :many\n"
			       "-- @param ids int[]?\n"
			       "-- @param since date?\n"
			       "-- @param name text?\n"
			       "-- @param open boolean?\n"
			       "-- @param max int = 50\n"
			       "-- @param shop int?\n"
			       "SELECT :ids, :since, :name, :open, :max, :shop";

static struct loop *loop;
static struct catalog *catalog;
static const struct operation *operation;
static struct shape *shape;
static struct request *request;

static void load(const char *text, const char *const *types)
{
	operation = story_operation(&catalog, text);
	shape = shape_new(operation->parameters_count, 1);
	for (unsigned i = 0; i < operation->parameters_count; i++)
		shape->param_types[i] = type_by_name(types[i]);
}

static int start(void **state)
{
	static const char *const types[] = { "int[]", "date", "text", "boolean", "int", "int" };

	loop = loop_new("test");
	request = request_new(loop);
	load(declared, types);
	return 0;
}

static void unload(void)
{
	shape_free(shape);
	catalog_let_go(catalog);
}

static int stop(void **state)
{
	unload();
	request_free(request);
	request_cache_fini();
	loop_free(loop);
	return 0;
}

static const char *const *ask(const char *query)
{
	request_free(request);
	request = request_new(loop);
	assert_null(query_string_read(text_of(query), &request->arena, &request->pairs,
				      &request->pairs_count));
	return bind_values(request, operation, shape);
}

/* The value of a parameter; "-" for NULL. */
static const char *value(const char *query, const char *name)
{
	const char *const *values = ask(query);

	if (!values)
		fail_msg("%s: %s %s", query, request->errors[0].param, request->errors[0].detail);
	for (unsigned i = 0; i < operation->parameters_count; i++)
		if (strcmp(operation->parameters[i].name, name) == 0)
			return values[i] ? values[i] : "-";
	fail_msg("no parameter %s", name);
	return NULL;
}

static void assert_refused(const char *query, const char *param, const char *detail)
{
	if (ask(query))
		fail_msg("%s is taken", query);
	assert_int_equal(request->errors_count, 1);
	assert_string_equal(request->errors[0].param, param);
	assert_string_equal(request->errors[0].detail, detail);
}

static void booleans_are_taken_as_languages_print_them(void **state)
{
	static const char *const words[][2] = {
		{ "open=True", "true" },   { "open=False", "false" }, { "open=TRUE", "true" },
		{ "open=FALSE", "false" }, { "open=true", "true" },   { "open=1", "true" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_string_equal(value(words[i][0], "open"), words[i][1]);
	assert_refused("open=yes", "open", "must be boolean, not \"yes\"");
}

static void an_empty_value_is_absent_where_it_could_be_none(void **state)
{
	assert_string_equal(value("since=", "since"), "-");
	assert_string_equal(value("since", "since"), "-");
	assert_string_equal(value("shop=&open=", "shop"), "-");
	assert_string_equal(value("max=", "max"), "50");
	/* The empty text is a text. */
	assert_string_equal(value("name=", "name"), "");
	assert_refused("shop=&shop=", "shop", "must be given once, not 2 times");
}

static void arrays_are_taken_as_clients_write_them(void **state)
{
	assert_string_equal(value("ids=1&ids=2", "ids"), "{\"1\",\"2\"}");
	assert_string_equal(value("ids[]=1&ids[]=2", "ids"), "{\"1\",\"2\"}");
	assert_string_equal(value("ids%5B%5D=1&ids=2", "ids"), "{\"1\",\"2\"}");
	assert_string_equal(value("ids=", "ids"), "{}");
	assert_string_equal(value("ids[]=", "ids"), "{}");
	assert_string_equal(value("max=1", "ids"), "-");
	assert_refused("ids[0]=1", "ids[0]", "write ids=… or ids[]=…, once for each element");
	assert_refused("shop[]=1", "shop[]", "shop is no array: write shop=…");
	assert_refused("shops[]=1", "shops[]", "list has no such parameter");
}

static void null_for_an_undeclared_parameter_says_how_to_declare_it(void **state)
{
	static const struct {
		const char *type, *detail;
	} rows[] = {
		{ "int", "integer?" },
		{ "timestamptz", "timestamp with time zone?" },
		{ "text[]", "text[]?" },
		{ "mood", "TYPE?" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_error error;
		char detail[256];

		unload();
		load("-- query: one :one\nSELECT :a", &rows[i].type);
		request_free(request);
		request = request_new(loop);
		request->body = json_read(TEXT("{\"a\":null}"), &error);
		assert_null(bind_values(request, operation, shape));
		snprintf(detail, sizeof(detail),
			 "may not be null: it is not declared in the SQL file, where \"-- @param a "
			 "%s\" lets it be null or absent",
			 rows[i].detail);
		assert_string_equal(request->errors[0].detail, detail);
		assert_int_equal(request->outcome, OUTCOME_MISSING_PARAMETER);
	}
}

static void null_for_a_declared_parameter_is_only_refused(void **state)
{
	static const char *const types[] = { "int" };
	struct json_error error;

	unload();
	load("-- query: one :one\n-- @param a int\nSELECT :a", types);
	request->body = json_read(TEXT("{\"a\":null}"), &error);
	assert_null(bind_values(request, operation, shape));
	assert_string_equal(request->errors[0].detail, "may not be null");
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		STORY(booleans_are_taken_as_languages_print_them),
		STORY(an_empty_value_is_absent_where_it_could_be_none),
		STORY(arrays_are_taken_as_clients_write_them),
		STORY(null_for_an_undeclared_parameter_says_how_to_declare_it),
		STORY(null_for_a_declared_parameter_is_only_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
