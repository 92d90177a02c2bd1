/* SPDX-License-Identifier: Apache-2.0 */
/* The hash of entity tags, beside the vectors of its authors (key and text are 0, 1, 2 …). */
#include "base/siphash.h"

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_BYTES 300

static const struct {
	size_t len;
	uint8_t hash[SIPHASH_BYTES];
} vectors[] = {
	{ 0,
	  { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55,
	    0x02, 0x93 } },
	{ 1,
	  { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22,
	    0xfc, 0x45 } },
	{ 7,
	  { 0xa1, 0xf1, 0xeb, 0xbe, 0xd8, 0xdb, 0xc1, 0x53, 0xc0, 0xb8, 0x4a, 0xa6, 0x1f, 0xf0,
	    0x82, 0x39 } },
	{ 8,
	  { 0x3b, 0x62, 0xa9, 0xba, 0x62, 0x58, 0xf5, 0x61, 0x0f, 0x83, 0xe2, 0x64, 0xf3, 0x14,
	    0x97, 0xb4 } },
	{ 63,
	  { 0x51, 0x50, 0xd1, 0x77, 0x2f, 0x50, 0x83, 0x4a, 0x50, 0x3e, 0x06, 0x9a, 0x97, 0x3f,
	    0xbd, 0x7c } },
};

static struct siphash *siphash;
static uint8_t text[TEXT_BYTES], key[SIPHASH_KEY_BYTES];

static int start(void **state)
{
	siphash = siphash_new();
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)i;
	return 0;
}

static int stop(void **state)
{
	siphash_free(siphash);
	return 0;
}

static void a_hash_is_that_of_its_authors(void **state)
{
	for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		uint8_t got[SIPHASH_BYTES];

		siphash_hash(siphash, key, text, vectors[i].len, got);
		assert_memory_equal(got, vectors[i].hash, sizeof(got));
	}
}

static void what_was_hashed_before_does_not_matter(void **state)
{
	for (size_t len = 0; len < 40; len++) {
		struct siphash *fresh = siphash_new();
		uint8_t one[SIPHASH_BYTES], other[SIPHASH_BYTES], again[SIPHASH_BYTES];

		siphash_hash(fresh, key, text, len, one);
		siphash_hash(siphash, key, text, len, again);
		assert_memory_equal(again, one, sizeof(one));
		siphash_hash(siphash, text + 100, text, TEXT_BYTES, other);
		siphash_hash(siphash, key, text, len, again);
		assert_memory_equal(again, one, sizeof(one));
		siphash_free(fresh);
	}
}

static void another_key_makes_another_hash(void **state)
{
	uint8_t one[SIPHASH_BYTES], other[SIPHASH_BYTES];

	for (unsigned i = 0; i < sizeof(key); i++) {
		siphash_hash(siphash, key, text, 40, one);
		key[i] ^= 1;
		siphash_hash(siphash, key, text, 40, other);
		assert_memory_not_equal(one, other, sizeof(one));
	}
}

static void a_hash_looks_at_each_byte_and_at_none_beyond_its_length(void **state)
{
	/* At the very end of a block of memory, where a sanitizer sees a byte too many. */
	for (size_t len = 1; len < 40; len++) {
		uint8_t *bytes = malloc(len), got[SIPHASH_BYTES], want[SIPHASH_BYTES];

		assert_non_null(bytes);
		memcpy(bytes, text, len);
		siphash_hash(siphash, key, bytes, len, got);
		siphash_hash(siphash, key, text, len, want);
		assert_memory_equal(got, want, sizeof(got));
		bytes[len - 1] ^= 1;
		siphash_hash(siphash, key, bytes, len, got);
		assert_memory_not_equal(got, want, sizeof(got));
		free(bytes);
	}
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		STORY(a_hash_is_that_of_its_authors),
		STORY(what_was_hashed_before_does_not_matter),
		STORY(another_key_makes_another_hash),
		STORY(a_hash_looks_at_each_byte_and_at_none_beyond_its_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
