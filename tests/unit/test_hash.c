/* SPDX-License-Identifier: Apache-2.0 */
/* A hash for tables and rendezvous. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_hash_depends_on_every_byte_on_the_length_and_on_the_seed(void **state)
{
	unsigned char bytes[67] = { 0 };

	for (size_t len = 0; len < sizeof(bytes); len++) {
		uint64_t hash = hash_bytes(bytes, len, 1);

		assert_true(hash == hash_bytes(bytes, len, 1));
		assert_true(hash != hash_bytes(bytes, len, 2));
		assert_true(hash != hash_bytes(bytes, len + 1, 1));
		for (size_t i = 0; i < len; i++) {
			bytes[i] ^= 1;
			assert_true(hash != hash_bytes(bytes, len, 1));
			bytes[i] ^= 1;
		}
	}
}

static void a_hash_looks_at_no_byte_beyond_its_length(void **state)
{
	/* At the very end of a block of memory, where a sanitizer sees a byte too many. */
	for (size_t len = 1; len < 40; len++) {
		char *bytes = malloc(len);

		assert_non_null(bytes);
		memset(bytes, 'x', len);
		assert_true(hash_bytes(bytes, len, 0) != 0);
		free(bytes);
	}
}

static void names_that_differ_by_a_number_spread_evenly(void **state)
{
	unsigned slots[64] = { 0 };
	char name[16];

	for (int i = 0; i < 6400; i++) {
		int len = snprintf(name, sizeof(name), "user-%d", i);

		slots[hash_bytes(name, (size_t)len, 7) & 63]++;
	}
	for (int i = 0; i < 64; i++)
		assert_in_range(slots[i], 50, 160);
}

/*
 * A constant of the hash (base/hash.c) as text: in front of 8 bytes it made a factor 0, and with it
 * the hash of all names that were built so, for any seed.
 */
static const uint64_t constants[] = { UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db),
				      UINT64_C(0x8ebc6af09c88c6e3) };

static void names_made_of_its_constants_meet_for_no_seed(void **state)
{
	for (size_t len = 16; len <= 48; len += 16) {
		for (size_t constant = 0; constant < 3; constant++) {
			for (uint64_t seed = 0; seed < 64; seed++) {
				uint64_t words[2][6] = { { 0 } };

				for (size_t word = 0; word < len / 8; word += 2) {
					words[0][word] = words[1][word] = constants[constant];
					words[0][word + 1] = 1;
					words[1][word + 1] = 2;
				}
				assert_true(hash_bytes(words[0], len, seed) !=
					    hash_bytes(words[1], len, seed));
			}
		}
	}
}

/* In a table of 4,096 slots: found by trial for one seed, they spread for another. */
static void names_that_meet_for_one_seed_part_for_another(void **state)
{
	unsigned found = 0, together = 0;
	char name[24];
	int len;

	for (unsigned i = 0; found < 64 && i < 1000000; i++) {
		len = snprintf(name, sizeof(name), "user-%u@example.org", i);
		if (hash_bytes(name, (size_t)len, 1) % 4096)
			continue;
		found++;
		together += hash_bytes(name, (size_t)len, 2) % 4096 == 0;
	}
	assert_int_equal(found, 64);
	assert_in_range(together, 0, 2);
}

static void mixing_minds_the_order(void **state)
{
	assert_true(hash_mix(1, 2) != hash_mix(2, 1));
	assert_true(hash_mix(0, 1) != hash_mix(0, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hash_depends_on_every_byte_on_the_length_and_on_the_seed),
		cmocka_unit_test(a_hash_looks_at_no_byte_beyond_its_length),
		cmocka_unit_test(names_that_differ_by_a_number_spread_evenly),
		cmocka_unit_test(names_made_of_its_constants_meet_for_no_seed),
		cmocka_unit_test(names_that_meet_for_one_seed_part_for_another),
		cmocka_unit_test(mixing_minds_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
