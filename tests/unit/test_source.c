/* SPDX-License-Identifier: Apache-2.0 */
/* Places of bytes, asked for in any order. */
#include "catalog/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_place_does_not_depend_on_what_was_asked_before(void **state)
{
	static const struct {
		unsigned line, column;
	} places[] = { { 1, 1 }, { 1, 2 }, { 2, 1 }, { 3, 1 }, { 3, 2 },
		       { 3, 2 }, { 3, 3 }, { 3, 4 }, { 4, 1 }, { 4, 2 } };
	const struct text text = TEXT("a\n\n\xc3\xa4"
				      "b\r\nc");
	struct complaints complaints = { 0 };
	struct source source;

	assert_true(source_open(&source, "a.sql", text, &complaints));
	for (size_t at = 0; at <= text.len; at++)
		for (size_t before = 0; before <= text.len; before++) {
			struct place place;

			(void)source_place(&source, before);
			place = source_place(&source, at);
			if (at == 4)
				continue; /* within a character */
			assert_int_equal(place.line, places[at].line);
			assert_int_equal(place.column, places[at].column);
		}
}

static void what_is_shown_never_ends_within_a_character(void **state)
{
	char text[200];

	for (size_t shift = 0; shift < 4; shift++) {
		int shown;

		memset(text, 'x', shift);
		for (size_t at = shift; at + 3 <= sizeof(text); at += 3)
			memcpy(text + at, "€", 3);
		shown = source_shown((struct text){ text, 190 });
		assert_in_range(shown, 61, 64);
		assert_int_equal(((size_t)shown - shift) % 3, 0);
	}
	assert_int_equal(source_shown(TEXT("abc")), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_does_not_depend_on_what_was_asked_before),
		cmocka_unit_test(what_is_shown_never_ends_within_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
