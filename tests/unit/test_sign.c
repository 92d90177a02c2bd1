/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of tokens, checksums of migrations. */
#include "base/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t key[SIGN_KEY_BYTES] = { 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
					     0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
					     0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b };
static struct signer *signer;

static int setup(void **state)
{
	signer = signer_new(key);
	return 0;
}

static int teardown(void **state)
{
	signer_free(signer);
	return 0;
}

static void a_signature_is_hmac_sha256_cut_to_128_bits(void **state)
{
	/* RFC 4231, test case 1: its key of 20 bytes is padded with zeros, as HMAC does itself. */
	static const uint8_t want[SIGN_MAC_BYTES] = { 0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb,
						      0x38, 0x53, 0x5c, 0xa8, 0xaf, 0xce,
						      0xaf, 0x0b, 0xf1, 0x2b };
	uint8_t mac[SIGN_MAC_BYTES];

	signer_sign(signer, "Hi There", 8, mac);
	assert_memory_equal(mac, want, sizeof(want));
	/* The second one begins where the first did. */
	signer_sign(signer, "other text", 10, mac);
	assert_memory_not_equal(mac, want, sizeof(want));
	signer_sign(signer, "Hi There", 8, mac);
	assert_memory_equal(mac, want, sizeof(want));
}

static void a_changed_text_or_signature_is_not_verified(void **state)
{
	uint8_t mac[SIGN_MAC_BYTES];

	signer_sign(signer, "position", 8, mac);
	assert_true(signer_verify(signer, "position", 8, mac));
	assert_false(signer_verify(signer, "positiom", 8, mac));
	assert_false(signer_verify(signer, "position", 7, mac));
	for (int i = 0; i < SIGN_MAC_BYTES; i++) {
		mac[i] ^= 0x80;
		assert_false(signer_verify(signer, "position", 8, mac));
		mac[i] ^= 0x80;
	}
	assert_true(signer_verify(signer, "position", 8, mac));
}

static void another_key_signs_otherwise(void **state)
{
	static const uint8_t other_key[SIGN_KEY_BYTES] = { 1 };
	struct signer *other = signer_new(other_key);
	uint8_t mac[SIGN_MAC_BYTES];

	signer_sign(other, "position", 8, mac);
	assert_false(signer_verify(signer, "position", 8, mac));
	assert_true(signer_verify(other, "position", 8, mac));
	signer_free(other);
}

static void a_checksum_is_sha256(void **state)
{
	/* FIPS 180-2, appendix B.1: "abc". */
	static const uint8_t want[32] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
					  0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
					  0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
					  0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad };
	uint8_t out[32];

	sha256("abc", 3, out);
	assert_memory_equal(out, want, sizeof(want));
}

/* One that is used again and again gives what the other gives. */
static void a_hasher_hashes_as_often_as_wanted(void **state)
{
	struct hasher *hasher = hasher_new();
	uint8_t out[SHA256_BYTES], want[SHA256_BYTES];

	for (size_t len = 0; len < 200; len++) {
		char text[200];

		memset(text, (int)len, sizeof(text));
		hasher_sha256(hasher, text, len, out);
		sha256(text, len, want);
		assert_memory_equal(out, want, sizeof(want));
		assert_true(digests_equal(out, want));
		out[len % SHA256_BYTES] ^= 1;
		assert_false(digests_equal(out, want));
	}
	hasher_free(hasher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_signature_is_hmac_sha256_cut_to_128_bits, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_changed_text_or_signature_is_not_verified, setup,
						teardown),
		cmocka_unit_test_setup_teardown(another_key_signs_otherwise, setup, teardown),
		cmocka_unit_test_setup_teardown(a_checksum_is_sha256, setup, teardown),
		cmocka_unit_test(a_hasher_hashes_as_often_as_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
