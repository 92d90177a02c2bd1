/* SPDX-License-Identifier: Apache-2.0 */
/* The text of API keys: made, read, mistyped. */
#include "http/auth/key_text.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The CRC by zlib's crc32, of "cq_web1_" and 43 zeros. */
#define ZEROS "0000000000000000000000000000000000000000000"
#define KEY_OF_ZEROS "cq_web1_" ZEROS "_1ajBco"

static char *made(const char *id, uint8_t fill)
{
	static char out[KEY_TEXT_BYTES_MAX + 1];
	uint8_t random[32];

	memset(random, fill, sizeof(random));
	key_text_make(text_of(id), random, out);
	return out;
}

static bool reads(const char *string)
{
	struct key_text key;

	return key_text_read(text_of(string), &key);
}

static void a_key_has_the_form_that_is_promised(void **state)
{
	assert_string_equal(made("web1", 0), KEY_OF_ZEROS);
	assert_int_equal(strlen(made("abcdefghij", 7)), 3 + 10 + 1 + 43 + 1 + 6);
}

/* 2 to the 256th less 1 in base 62, worked out elsewhere. */
static void the_secret_is_the_number_in_base_62(void **state)
{
	assert_memory_equal(made("a", 0xff) + 5, "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1", 43);
}

static void what_is_made_is_read_again(void **state)
{
	struct random random;
	struct key_text key;
	char id[KEY_ID_BYTES + 1], text[KEY_TEXT_BYTES_MAX + 1];
	uint8_t bytes[32];

	random_init(&random, 7);
	for (int i = 0; i < 1000; i++) {
		for (size_t at = 0; at < sizeof(bytes); at++)
			bytes[at] = (uint8_t)random_next(&random);
		key_id_make(random_next(&random), id);
		key_text_make(text_of(id), bytes, text);
		assert_true(key_text_read(text_of(text), &key));
		assert_true(text_is(key.id, id));
		assert_int_equal(key.secret.len, KEY_SECRET_BYTES);
		assert_ptr_equal(key.secret.ptr, text + 3 + KEY_ID_BYTES + 1);
	}
}

/* Each bit of the secret is in the text. */
static void other_random_bytes_make_another_key(void **state)
{
	uint8_t bytes[32] = { 0 };
	char first[KEY_TEXT_BYTES_MAX + 1], other[KEY_TEXT_BYTES_MAX + 1];

	key_text_make(TEXT("a"), bytes, first);
	for (int bit = 0; bit < 256; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		key_text_make(TEXT("a"), bytes, other);
		assert_string_not_equal(first, other);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void one_wrong_byte_anywhere_is_found(void **state)
{
	char text[KEY_TEXT_BYTES_MAX + 1];
	size_t len = strlen(made("abcdefghij", 99));

	memcpy(text, made("abcdefghij", 99), len + 1);
	for (size_t at = 0; at < len; at++)
		for (int byte = 0; byte < 256; byte++) {
			char was = text[at];

			text[at] = (char)byte;
			assert_int_equal(reads(text), (char)byte == was);
			text[at] = was;
		}
}

static void two_neighbours_that_are_swapped_are_found(void **state)
{
	char text[KEY_TEXT_BYTES_MAX + 1];
	size_t len = strlen(made("abcdefghij", 99));

	for (size_t at = 3; at + 1 < len; at++) {
		memcpy(text, made("abcdefghij", 99), len + 1);
		text[at] = made("abcdefghij", 99)[at + 1];
		text[at + 1] = made("abcdefghij", 99)[at];
		assert_int_equal(reads(text), text[at] == text[at + 1]);
	}
}

static void what_is_no_key_is_not_read(void **state)
{
	static const char *const wrong[] = {
		"",
		"c",
		"cq",
		"cq_",
		"cq__",
		"cq___",
		"eyJhbGciOiJub25lIn0.e30.",
		"cq_web1_" ZEROS,
		"cq_web1_" ZEROS "_",
		"cq_web1_" ZEROS "_2ZHWZ",
		"cq_web1_" ZEROS "_1ajBcoP",
		"cq_web1_0" ZEROS "_1ajBco",
		"cq__" ZEROS "_1ajBco",
		"CQ_web1_" ZEROS "_1ajBco",
		" " KEY_OF_ZEROS,
		KEY_OF_ZEROS " ",
		KEY_OF_ZEROS "\n",
		"cq_we b_" ZEROS "_1ajBco",
		"cq_we_b_" ZEROS "_1ajBco",
		"cq_0123456789012345678901234567890123_" ZEROS "_1ajBco",
		"cq_web1_" ZEROS "_zzzzzz",
	};

	assert_true(reads(KEY_OF_ZEROS));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (reads(wrong[i]))
			fail_msg("\"%s\" is read", wrong[i]);
}

/* Whatever it is, no byte beyond the text is touched: the copy ends where the memory does. */
static void any_cut_of_a_key_is_harmless(void **state)
{
	size_t len = strlen(KEY_OF_ZEROS);

	for (size_t from = 0; from <= len; from++)
		for (size_t to = from; to <= len; to++) {
			struct key_text key;
			char *copy = malloc(to - from + 1);

			assert_non_null(copy);
			memcpy(copy, KEY_OF_ZEROS + from, to - from);
			assert_int_equal(key_text_read((struct text){ copy, to - from }, &key),
					 from == 0 && to == len);
			free(copy);
		}
}

static void ids_are_of_letters_and_digits(void **state)
{
	char id[KEY_ID_BYTES + 1];

	key_id_make(UINT64_MAX, id);
	assert_true(key_id_is_good(text_of(id)));
	key_id_make(0, id);
	assert_string_equal(id, "0000000000");
	assert_true(key_id_is_good(TEXT("Web1")));
	assert_false(key_id_is_good(TEXT("")));
	assert_false(key_id_is_good(TEXT("we-b")));
	assert_false(key_id_is_good(TEXT("012345678901234567890123456789012")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_has_the_form_that_is_promised),
		cmocka_unit_test(the_secret_is_the_number_in_base_62),
		cmocka_unit_test(what_is_made_is_read_again),
		cmocka_unit_test(other_random_bytes_make_another_key),
		cmocka_unit_test(one_wrong_byte_anywhere_is_found),
		cmocka_unit_test(two_neighbours_that_are_swapped_are_found),
		cmocka_unit_test(what_is_no_key_is_not_read),
		cmocka_unit_test(any_cut_of_a_key_is_harmless),
		cmocka_unit_test(ids_are_of_letters_and_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
