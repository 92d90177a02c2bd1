/* SPDX-License-Identifier: Apache-2.0 */
/* What is read from a connection string, and what is never told of it. */
#include "pg/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char error[256];

static const char *value_of(const struct node *node, const char *keyword)
{
	for (size_t i = 0; node->keywords[i]; i++)
		if (strcmp(node->keywords[i], keyword) == 0)
			return node->values[i];
	return NULL;
}

static void test_a_node_is_named_by_where_it_is(void **state)
{
	static const struct {
		const char *conninfo, *name;
	} rows[] = {
		{ "host=10.0.0.2 port=6432", "10.0.0.2:6432" },
		{ "host=db dbname=shop", "db:5432" },
		{ "postgresql://app:secret@db:6000/shop?sslmode=require", "db:6000" },
		{ "postgresql://[::1]/shop", "[::1]:5432" },
		{ "hostaddr=10.0.0.3", "10.0.0.3:5432" },
		{ "host=/run/pg port=6000", "/run/pg/.s.PGSQL.6000" },
		{ "service=shop", "service shop" },
		{ "dbname=shop", "/var/run/postgresql/.s.PGSQL.5432" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node *node = node_new(3, rows[i].conninfo, error, sizeof(error));

		assert_non_null(node);
		assert_string_equal(node->name, rows[i].name);
		assert_int_equal(node->index, 3);
		node_free(node);
	}
}

static void test_replies_name_a_node_as_the_operator_wants(void **state)
{
	struct node *node = node_new(3, "host=10.0.0.2", error, sizeof(error));

	assert_non_null(node);
	assert_string_equal(node->shown, "10.0.0.2:5432");
	node_show(node, NODE_IN_REPLIES_NUMBER);
	assert_string_equal(node->shown, "3");
	node_show(node, NODE_IN_REPLIES_NONE);
	assert_null(node->shown);
	assert_string_equal(node->name, "10.0.0.2:5432");
	node_free(node);
}

static void test_what_must_be_is_pinned_and_the_rest_is_the_operators(void **state)
{
	struct node *node = node_new(0,
				     "host=db client_encoding=LATIN1 gssencmode=prefer "
				     "target_session_attrs=read-write options='-c x.y=1'",
				     error, sizeof(error));

	assert_non_null(node);
	assert_string_equal(value_of(node, "client_encoding"), "UTF8");
	assert_string_equal(value_of(node, "target_session_attrs"), "any");
	assert_string_equal(value_of(node, "gssencmode"), "prefer");
	assert_string_equal(value_of(node, "application_name"), "cqrsd");
	assert_string_equal(value_of(node, "options"), "-c x.y=1");
	node_free(node);
}

static void test_several_servers_are_no_node(void **state)
{
	assert_null(node_new(0, "host=a,b", error, sizeof(error)));
	assert_non_null(strstr(error, "host"));
	assert_null(node_new(0, "postgresql://a:1,b:2/shop", error, sizeof(error)));
}

static void test_an_error_never_holds_a_password(void **state)
{
	static const char *const conninfos[] = {
		"host=db password=hunter2 hunter2",
		"postgresql://app:hunter2%zz@db/shop",
		"postgresql://app:x@db:hunter2/shop?hunter2=1",
		"hunter2",
	};

	for (size_t i = 0; i < sizeof(conninfos) / sizeof(conninfos[0]); i++) {
		struct node *node;

		error[0] = '\0';
		node = node_new(0, conninfos[i], error, sizeof(error));
		if (node)
			node_free(node);
		else
			assert_true(error[0]);
		assert_null(strstr(error, "hunter2"));
	}
}

static void test_what_the_environment_would_say_after_us_is_not_said(void **state)
{
	struct node *node;

	setenv("PGTZ", "Europe/Berlin", 1);
	node = node_new(0, "host=db", error, sizeof(error));
	assert_null(getenv("PGTZ"));
	node_free(node);
}

static void test_options_of_the_environment_are_kept(void **state)
{
	struct node *node;

	setenv("PGOPTIONS", "-c search_path=shop", 1);
	node = node_new(0, "host=db", error, sizeof(error));
	assert_string_equal(value_of(node, "options"), "-c search_path=shop");
	node_free(node);
	unsetenv("PGOPTIONS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_node_is_named_by_where_it_is),
		cmocka_unit_test(test_replies_name_a_node_as_the_operator_wants),
		cmocka_unit_test(test_what_must_be_is_pinned_and_the_rest_is_the_operators),
		cmocka_unit_test(test_several_servers_are_no_node),
		cmocka_unit_test(test_an_error_never_holds_a_password),
		cmocka_unit_test(test_what_the_environment_would_say_after_us_is_not_said),
		cmocka_unit_test(test_options_of_the_environment_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
