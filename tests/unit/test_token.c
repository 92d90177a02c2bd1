/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: what comes back is what was given out, and nothing else is believed. */
#include "router/consistency/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t key[SIGN_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t other_key[SIGN_KEY_BYTES] = { 1, 2, 4 };

static const struct branch_position tokens[] = {
	{ 1, 1, 0, 1 },
	{ 1, 1, 0, 0x3000148 },
	{ 7, 0xABCDEF01, 9, UINT64_C(0x1964C6F00000) },
	{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX },
	{ 0, 0, 0, 42 },
};

static void a_token_carries_its_position_and_its_branch(void **state)
{
	struct token_maker *maker = token_maker_new(key, 7);

	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		char out[TOKEN_TEXT_MAX + 1];
		struct branch_position token;

		token_make(maker, tokens[i], out);
		assert_int_equal(strlen(out), 50);
		assert_int_equal(strspn(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					     "0123456789-_"),
				 50);
		assert_true(token_read(maker, text_of(out), &token));
		assert_int_equal(token.timeline, tokens[i].timeline);
		assert_int_equal(token.history, tokens[i].history);
		assert_int_equal(token.mark, tokens[i].mark);
		assert_true(token.lsn == tokens[i].lsn);
	}
	token_maker_free(maker);
}

static void what_is_the_same_makes_the_same_token(void **state)
{
	struct token_maker *maker = token_maker_new(key, 7);
	char first[TOKEN_TEXT_MAX + 1], again[TOKEN_TEXT_MAX + 1], other[TOKEN_TEXT_MAX + 1];

	token_make(maker, tokens[0], first);
	token_make(maker, tokens[0], again);
	token_make(maker, tokens[1], other);
	assert_string_equal(first, again);
	assert_string_not_equal(first, other);
	token_make(maker, tokens[0], again);
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
	struct branch_position token;

	token_make(maker, tokens[1], out);
	assert_true(token_read(peer, text_of(out), &token));
	assert_false(token_read(cluster, text_of(out), &token));
	assert_false(token_read(stranger, text_of(out), &token));
	token_maker_free(maker);
	token_maker_free(peer);
	token_maker_free(cluster);
	token_maker_free(stranger);
}

static void a_changed_token_is_refused(void **state)
{
	struct token_maker *maker = token_maker_new(key, 7);
	char out[TOKEN_TEXT_MAX + 1];
	struct branch_position token;

	token_make(maker, tokens[2], out);
	for (size_t i = 0; i < strlen(out); i++) {
		char was = out[i];

		/* The last character carries four bits of the MAC: change one of those. */
		out[i] = was == 'A' ? 'Q' : 'A';
		assert_false(token_read(maker, text_of(out), &token));
		out[i] = was;
	}
	assert_true(token_read(maker, text_of(out), &token));
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
	struct branch_position token;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(token_read(maker, text_of(texts[i]), &token));
	assert_false(token_read(maker, (struct text){ NULL, 0 }, &token));
	token_maker_free(maker);
}

/* Version 1, made by an older instance with this key: { 7, 0x1964C6F00000 } of cluster 7. */
static void a_token_of_an_older_instance_is_read(void **state)
{
	struct token_maker *maker = token_maker_new(key, 7);
	struct branch_position token;

	assert_true(token_read(maker, text_of("AQAAAAcAABlkxvAAANvDFSqecU_WO5VGyPFfSiQ"), &token));
	assert_int_equal(token.timeline, 7);
	assert_true(token.lsn == UINT64_C(0x1964C6F00000));
	assert_int_equal(token.history, 0);
	assert_int_equal(token.mark, 0);
	token_maker_free(maker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_carries_its_position_and_its_branch),
		cmocka_unit_test(what_is_the_same_makes_the_same_token),
		cmocka_unit_test(every_instance_with_the_key_reads_it_and_no_other_cluster_does),
		cmocka_unit_test(a_changed_token_is_refused),
		cmocka_unit_test(a_token_of_an_older_instance_is_read),
		cmocka_unit_test(what_is_no_token_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
