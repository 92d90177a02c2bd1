/* SPDX-License-Identifier: Apache-2.0 */
/* Who wants gzip, and who does not, by what is listed and by its weight. */
#include "http/head/accept_encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool wanted(const char *const *values, size_t count)
{
	struct head head = { .count = 0 };

	for (size_t i = 0; i < count; i++)
		head_add(&head, TEXT("Accept-Encoding"), text_of(values[i]));
	return accept_encoding_gzip(&head);
}

static void gzip_is_sent_to_who_lists_it(void **state)
{
	static const char *const yes[] = {
		"gzip",
		"gzip, deflate, br",
		"deflate, gzip;q=1.0, *;q=0.5",
		"br;q=1, GZIP ; q=0.001",
		"x-gzip",
		"*",
		"identity;q=0.5, *;q=0.5",
		"gzip;q=0.5, identity;q=0.5",
		"gzip;Q=1.",
		"*;q=0, gzip",
		",, gzip",
	};
	static const char *const no[] = {
		"",
		"identity",
		"br, deflate",
		"gzip;q=0",
		"gzip;q=0.000",
		"*;q=0",
		"gzip;q=0, *",
		"identity, gzip;q=0.5",
		"gzip;q=2",
		"gzip;q=-1",
		"gzip;q=0.0001",
		"gzip;level=1",
		"gzipped",
		"gzip deflate",
	};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!wanted(&yes[i], 1))
			fail_msg("\"%s\" is not taken for gzip", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (wanted(&no[i], 1))
			fail_msg("\"%s\" is taken for gzip", no[i]);
}

static void several_lines_are_one_list(void **state)
{
	static const char *const lines[] = { "br", "gzip;q=0.5" };
	static const char *const against[] = { "*", "gzip;q=0" };

	assert_true(wanted(lines, 2));
	assert_false(wanted(against, 2));
	assert_false(wanted(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip_is_sent_to_who_lists_it),
		cmocka_unit_test(several_lines_are_one_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
