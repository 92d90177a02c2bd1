/* SPDX-License-Identifier: Apache-2.0 */
/* Rotation as a word of looks: g good, b bad; after each the state: I in, - out. */
#include "router/cluster/strikes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *name;
	unsigned bad_max, good_min;
	const char *looks, *states;
} cases[] = {
	{ "a new node enters with its first good look", 2, 3, "g", "I" },
	{ "and also after bad ones", 2, 3, "bbbg", "---I" },
	{ "one bad look does no harm", 2, 3, "gbgbgb", "IIIIII" },
	{ "bad looks in a row lead out", 2, 3, "gbb", "II-" },
	{ "good looks in a row lead back", 2, 3, "gbbggg", "II---I" },
	{ "a bad look in between starts all over", 2, 3, "gbbggbggg", "II------I" },
	{ "out and back at once, if so wished", 1, 1, "gbgb", "I-I-" },
};

static void the_table(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strikes strikes = { 0 };
		bool was = false;

		for (size_t n = 0; n < strlen(cases[i].looks); n++) {
			bool changed = strikes_add(&strikes, cases[i].looks[n] == 'g',
						   cases[i].bad_max, cases[i].good_min);

			if (strikes.in != (cases[i].states[n] == 'I'))
				fail_msg("%s: look %zu", cases[i].name, n + 1);
			assert_int_equal(changed, strikes.in != was);
			was = strikes.in;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
