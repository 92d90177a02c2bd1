/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: what comes back is what was given out, and nothing else is believed. */
#include "router/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t key[SIGN_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t other_key[SIGN_KEY_BYTES] = { 1, 2, 4 };

static const struct position positions[] = {
	{ 1, 1 },  { 1, 0x3000148 }, { 7, UINT64_C(0x1964C6F00000) }, { UINT32_MAX, UINT64_MAX },
	{ 0, 42 },
};

static void a_token_carries_its_position(void **state)
{
	struct token_maker *maker = token_maker_new(key, 7);

	for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
		char out[TOKEN_TEXT_MAX + 1];
		struct position position;

		token_make(maker, positions[i], out);
		assert_int_equal(strlen(out), 39);
		assert_int_equal(strspn(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					     "0123456789-_"),
				 39);
		assert_true(token_read(maker, text_of(out), &position));
		assert_int_equal(position_compare(position, positions[i]), 0);
	}
	token_maker_free(maker);
}

static void the_same_position_makes_the_same_token(void **state)
{
	struct token_maker *maker = token_maker_new(key, 7);
	char first[TOKEN_TEXT_MAX + 1], again[TOKEN_TEXT_MAX + 1], other[TOKEN_TEXT_MAX + 1];

	token_make(maker, positions[0], first);
	token_make(maker, positions[0], again);
	token_make(maker, positions[1], other);
	assert_string_equal(first, again);
	assert_string_not_equal(first, other);
	token_make(maker, positions[0], again);
	assert_string_equal(first, again);
	token_maker_free(maker);
}

static void every_instance_with_the_key_reads_it_and_no_other_cluster_does(void **state)
{
	struct token_maker *maker = token_maker_new(key, 7);
	struct token_maker *peer = token_maker_new(key, 7);
	struct token_maker *cluster = token_maker_new(key, 8);
	struct token_maker *stranger = token_maker_new(other_key, 7);
	char out[TOKEN_TEXT_MAX + 1];
	struct position position;

	token_make(maker, positions[1], out);
	assert_true(token_read(peer, text_of(out), &position));
	assert_false(token_read(cluster, text_of(out), &position));
	assert_false(token_read(stranger, text_of(out), &position));
	token_maker_free(maker);
	token_maker_free(peer);
	token_maker_free(cluster);
	token_maker_free(stranger);
}

static void a_changed_token_is_refused(void **state)
{
	struct token_maker *maker = token_maker_new(key, 7);
	char out[TOKEN_TEXT_MAX + 1];
	struct position position;

	token_make(maker, positions[2], out);
	for (size_t i = 0; i < strlen(out); i++) {
		char was = out[i];

		/* The last character carries four bits of the MAC: change one of those. */
		out[i] = was == 'A' ? 'Q' : 'A';
		assert_false(token_read(maker, text_of(out), &position));
		out[i] = was;
	}
	assert_true(token_read(maker, text_of(out), &position));
	token_maker_free(maker);
}

static void what_is_no_token_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"A",
		"AQAAAAEAAAAAAwABSA",
		"AQAAAAEAAAAAAwABSAAAAAAAAAAAAAAAAAAAAAA", /* no MAC */
		"AQAAAAEAAAAAAwABSAAAAAAAAAAAAAAAAAAAAA=",
		"AQAAAAEAAAAAAwABSAAAAAAAAAAAAAAAAAAAA\n\n",
		"AQAAAAEAAAAAAwABSAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"++++++++++++++++++++++++++++++++++++++/",
	};
	struct token_maker *maker = token_maker_new(key, 7);
	struct position position;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(token_read(maker, text_of(texts[i]), &position));
	assert_false(token_read(maker, (struct text){ NULL, 0 }, &position));
	token_maker_free(maker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_carries_its_position),
		cmocka_unit_test(the_same_position_makes_the_same_token),
		cmocka_unit_test(every_instance_with_the_key_reads_it_and_no_other_cluster_does),
		cmocka_unit_test(a_changed_token_is_refused),
		cmocka_unit_test(what_is_no_token_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
