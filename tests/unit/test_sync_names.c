/* SPDX-License-Identifier: Apache-2.0 */
/* Which standbys a commit waits for, as PostgreSQL reads its setting. */
#include "router/cluster/sync_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TEXT_63 "a12345678901234567890123456789012345678901234567890123456789012"
#define TEN "a, b, c, d, e, f, g, h, i, j"

/* names: joined by "|". */
struct setting {
	const char *text;
	enum sync_method method;
	unsigned wanted;
	const char *names;
};

static void check_names(const struct sync_names *names, const char *joined)
{
	char text[NODES_MAX * (SYNC_NAME_BYTES + 1)] = "";
	size_t len = 0;

	for (unsigned i = 0; i < names->count; i++) {
		if (i)
			text[len++] = '|';
		memcpy(text + len, names->names[i], strlen(names->names[i]) + 1);
		len += strlen(names->names[i]);
	}
	assert_string_equal(text, joined);
}

static void the_forms_of_the_setting(void **state)
{
	static const struct setting settings[] = {
		{ "", SYNC_NONE, 0, "" },
		{ " \t\n", SYNC_NONE, 0, "" },
		{ "ANY 1 (a, b)", SYNC_ANY, 1, "a|b" },
		{ "any 2(a,b,c)", SYNC_ANY, 2, "a|b|c" },
		{ " Any\n01 ( a )\t", SYNC_ANY, 1, "a" },
		{ "ANY 3 (a, b)", SYNC_ANY, 3, "a|b" },
		{ "FIRST 2 (a, b, c)", SYNC_FIRST, 2, "a|b|c" },
		{ "first 1 (*)", SYNC_FIRST, 1, "*" },
		{ "2 (a, b, c)", SYNC_FIRST, 2, "a|b|c" },
		{ "2(a)", SYNC_FIRST, 2, "a" },
		{ "a", SYNC_FIRST, 1, "a" },
		{ "a, b", SYNC_FIRST, 1, "a|b" },
		{ "*", SYNC_FIRST, 1, "*" },
		{ "2", SYNC_FIRST, 1, "2" },
		{ "2, 3", SYNC_FIRST, 1, "2|3" },
		{ "ANY 1 (2, 3)", SYNC_ANY, 1, "2|3" },
		{ "ANY 1 (*)", SYNC_ANY, 1, "*" },
		{ "ANY 1 (a, *)", SYNC_ANY, 1, "a|*" },
		{ "ANY 1 (a, a)", SYNC_ANY, 1, "a|a" },
		{ "ANY 1 (\"a b\", \"c\"\"d\")", SYNC_ANY, 1, "a b|c\"d" },
		{ "ANY 1 (\"a, b)\")", SYNC_ANY, 1, "a, b)" },
		{ "ANY 1 (\"any\", \"FIRST\")", SYNC_ANY, 1, "any|FIRST" },
		{ "\"any\"", SYNC_FIRST, 1, "any" },
		{ "ANY 1 (_a$1, anyone)", SYNC_ANY, 1, "_a$1|anyone" },
		{ "ANY 1 (" TEXT_63 ")", SYNC_ANY, 1, TEXT_63 },
		{ "ANY 1 (" TEN ")", SYNC_ANY, 1, "a|b|c|d|e|f|g|h|i|j" },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		struct sync_names names;

		if (!sync_names_read(&names, text_of(settings[i].text)))
			fail_msg("%s", settings[i].text);
		assert_int_equal(names.method, settings[i].method);
		assert_int_equal(names.wanted, settings[i].wanted);
		check_names(&names, settings[i].names);
	}
}

static void what_postgresql_refuses_and_what_is_not_kept(void **state)
{
	static const char *const settings[] = {
		"ANY",
		"ANY 1",
		"ANY 1 a, b",
		"ANY (a, b)",
		"ANY 0 (a, b)",
		"ANY 1 ()",
		"ANY 1 (a,)",
		"ANY 1 (a b)",
		"ANY 1 (a, b",
		"ANY 1 (a, b))",
		"ANY 1 (a), b",
		"ANY a (b)",
		"ANY 1 (any)",
		"ANY -1 (a)",
		"ANY 99999999999999999999 (a)",
		"any, b",
		"0 (a)",
		"1 2 (a)",
		"a,",
		",a",
		"a b",
		"a-b",
		"ANY 1 (a-b)",
		"ANY 1 (1a)",
		"ANY 1 ($a)",
		"ANY 1 (\"a)",
		"ANY 1 (\"a\"b)",
		"ANY 1 (r\xc3\xa9pl)",
		"ANY 1 (" TEXT_63 "x)",
		"ANY 1 (" TEN ", " TEN ")",
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		struct sync_names names;

		if (sync_names_read(&names, text_of(settings[i])))
			fail_msg("%s", settings[i]);
	}
}

static void a_name_is_found_whatever_its_case(void **state)
{
	struct sync_names names;

	assert_true(sync_names_read(&names, TEXT("ANY 1 (Replica1, \"REPLICA 2\")")));
	assert_int_equal(sync_names_find(&names, "replica1"), 0);
	assert_int_equal(sync_names_find(&names, "replica 2"), 1);
	assert_int_equal(sync_names_find(&names, "replica"), -1);
	assert_int_equal(sync_names_find(&names, ""), -1);
}

static void any_name_is_no_name(void **state)
{
	struct sync_names names;

	assert_true(sync_names_read(&names, TEXT("ANY 1 (a, \"*\")")));
	assert_int_equal(sync_names_find(&names, "b"), -1);
	assert_int_equal(sync_names_find(&names, "*"), -1);
}

static void names_that_are_one_standbys_each(void **state)
{
	static const struct {
		const char *text;
		bool distinct;
	} settings[] = {
		{ "ANY 1 (a, b)", true },
		{ "ANY 1 (a, A)", false },
		{ "ANY 1 (a, b, \"a\")", false },
		{ "ANY 1 (a, *)", false },
		{ "*", false },
		{ "", true },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		struct sync_names names;

		assert_true(sync_names_read(&names, text_of(settings[i].text)));
		assert_int_equal(sync_names_are_distinct(&names), settings[i].distinct);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_forms_of_the_setting),
		cmocka_unit_test(what_postgresql_refuses_and_what_is_not_kept),
		cmocka_unit_test(a_name_is_found_whatever_its_case),
		cmocka_unit_test(any_name_is_no_name),
		cmocka_unit_test(names_that_are_one_standbys_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
