/* SPDX-License-Identifier: Apache-2.0 */
/* links: jwt_story.c */
/* Signatures: the examples of RFC 7515 and RFC 8037, and what comes near them. */
#include "jwt_story.h"

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PAYLOAD                                                                                    \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p"             \
	"c19yb290Ijp0cnVlfQ"

static struct vector {
	enum jws_algorithm algorithm;
	const char *signed_text, *signature;
} vectors[] = {
	{ JWS_RS256, "eyJhbGciOiJSUzI1NiJ9." PAYLOAD,
	  "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W"
	  "2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkS"
	  "jtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnv"
	  "Wh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw" },
	{ JWS_ES256, "eyJhbGciOiJFUzI1NiJ9." PAYLOAD,
	  "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJq"
	  "PP3-Kg6NU1Q" },
	{ JWS_EDDSA, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
	  "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVv"
	  "pAr_MuM0KAg" },
	{ JWS_HS256, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." PAYLOAD,
	  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" },
};

static struct jwk_set set, secret;
static uint8_t signature[JWS_KEY_BYTES_MAX];
static size_t signature_len;

static int setup(void **state)
{
	jwt_story_set(JWT_STORY_KEYS, &set);
	jwt_story_secret(&secret);
	return 0;
}

static struct jws_key *key_of(enum jws_algorithm algorithm)
{
	const char *why;
	struct jws_key *key = NULL;

	if (algorithm == JWS_HS256)
		key = jws_key_new(&secret.keys[0].material, &why);
	for (uint32_t i = 0; !key && i < set.count; i++)
		if (set.keys[i].material.algorithm == algorithm)
			key = jws_key_new(&set.keys[i].material, &why);
	assert_non_null(key);
	assert_int_equal(jws_key_algorithm(key), algorithm);
	return key;
}

static void read_signature(const struct vector *vector)
{
	assert_true(base64url_decode(text_of(vector->signature), signature, sizeof(signature),
				     &signature_len));
}

static bool verified(struct jws_key *key, const struct vector *vector)
{
	return jws_verify(key, text_of(vector->signed_text), signature, signature_len);
}

#define EACH_VECTOR(it)                                                                            \
	for (struct vector *it = vectors; it < vectors + sizeof(vectors) / sizeof(vectors[0]); it++)

static void the_examples_of_the_rfcs_are_verified_again_and_again(void **state)
{
	EACH_VECTOR(vector)
	{
		struct jws_key *key = key_of(vector->algorithm);

		read_signature(vector);
		for (int i = 0; i < 3; i++)
			assert_true(verified(key, vector));
		jws_key_free(key);
	}
}

static void a_bit_that_is_changed_anywhere_in_a_signature_is_noticed(void **state)
{
	EACH_VECTOR(vector)
	{
		struct jws_key *key = key_of(vector->algorithm);

		read_signature(vector);
		for (size_t i = 0; i < signature_len; i++) {
			signature[i] ^= 1;
			assert_false(verified(key, vector));
			signature[i] ^= 1;
		}
		assert_true(verified(key, vector));
		jws_key_free(key);
	}
}

static void a_text_that_is_changed_cut_or_longer_is_not_the_one_that_was_signed(void **state)
{
	EACH_VECTOR(vector)
	{
		struct jws_key *key = key_of(vector->algorithm);
		struct text text = text_of(vector->signed_text);
		char copy[512];

		read_signature(vector);
		memcpy(copy, text.ptr, text.len + 1);
		copy[text.len - 1] ^= 1;
		assert_false(
			jws_verify(key, (struct text){ copy, text.len }, signature, signature_len));
		assert_false(jws_verify(key, (struct text){ text.ptr, text.len - 1 }, signature,
					signature_len));
		copy[text.len - 1] ^= 1;
		assert_false(jws_verify(key, (struct text){ copy, text.len + 1 }, signature,
					signature_len));
		jws_key_free(key);
	}
}

static void a_signature_of_another_length_is_none(void **state)
{
	EACH_VECTOR(vector)
	{
		struct jws_key *key = key_of(vector->algorithm);

		read_signature(vector);
		signature[signature_len] = 0;
		for (size_t len = 0; len < signature_len + 2; len++)
			assert_int_equal(
				jws_verify(key, text_of(vector->signed_text), signature, len),
				len == signature_len);
		jws_key_free(key);
	}
}

static void a_signature_of_one_algorithm_is_none_of_another(void **state)
{
	EACH_VECTOR(of)
	{
		struct jws_key *key = key_of(of->algorithm);

		EACH_VECTOR(vector)
		{
			read_signature(vector);
			assert_int_equal(verified(key, vector), vector == of);
		}
		jws_key_free(key);
	}
}

/* The order of the curve: r and s must be below it. */
static const uint8_t order[32] = { 0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff,
				   0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
				   0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };

static void an_r_or_s_that_is_zero_or_the_order_of_the_curve_signs_nothing(void **state)
{
	static const uint8_t zero[32];
	const uint8_t *const numbers[] = { zero, order };
	struct jws_key *key = key_of(JWS_ES256);

	for (unsigned n = 0; n < 2; n++) {
		for (unsigned which = 1; which <= 3; which++) {
			read_signature(&vectors[1]);
			if (which & 1)
				memcpy(signature, numbers[n], 32);
			if (which & 2)
				memcpy(signature + 32, numbers[n], 32);
			assert_false(verified(key, &vectors[1]));
		}
	}
	jws_key_free(key);
}

static void a_signature_of_es256_as_der_is_none(void **state)
{
	/* What OpenSSL itself makes; 64 bytes is its length only by chance, never its form. */
	struct jws_key *key = key_of(JWS_ES256);
	uint8_t der[72] = { 0x30, 70, 0x02, 33, 0 };

	read_signature(&vectors[1]);
	memcpy(der + 5, signature, 32);
	der[37] = 0x02;
	der[38] = 33;
	memcpy(der + 40, signature + 32, 32);
	for (size_t len = 60; len <= sizeof(der); len++)
		assert_false(jws_verify(key, text_of(vectors[1].signed_text), der, len));
	jws_key_free(key);
}

static void numbers_with_zeros_in_front_and_with_their_highest_bit_are_verified(void **state)
{
	/* One in 256 signatures has an r that begins with a zero, half have its highest bit. */
	struct jws_key *key = key_of(JWS_ES256);
	unsigned high = 0, low = 0;

	for (unsigned i = 0; i < 2000 && !(high && low && i > 600); i++) {
		char claims[32];
		struct text token;
		const char *dot;

		snprintf(claims, sizeof(claims), "{\"n\":%u}", i);
		token = jwt_story_sign(JWS_ES256, "{\"alg\":\"ES256\"}", claims);
		dot = memrchr(token.ptr, '.', token.len);
		assert_true(base64url_decode(
			(struct text){ dot + 1, (size_t)(token.ptr + token.len - dot - 1) },
			signature, sizeof(signature), &signature_len));
		high += signature[0] >= 0x80;
		low += signature[0] == 0 || signature[32] == 0;
		assert_true(jws_verify(key, (struct text){ token.ptr, (size_t)(dot - token.ptr) },
				       signature, signature_len));
	}
	assert_true(high > 0);
	assert_true(low > 0);
	jws_key_free(key);
}

static void names_of_algorithms_are_exact(void **state)
{
	static const char *const wrong[] = { "none",  "None",  "NONE",  "rs256", "HS256 ",
					     "RS384", "RS512", "PS256", "ES384", "ES256K",
					     "HS384", "HS512", "",      "eddsa", "Ed448" };
	enum jws_algorithm algorithm;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(jws_algorithm_parse(text_of(wrong[i]), &algorithm));
	assert_true(jws_algorithm_parse(TEXT("EdDSA"), &algorithm));
	assert_int_equal(algorithm, JWS_EDDSA);
	assert_true(jws_algorithm_parse(TEXT("Ed25519"), &algorithm));
	assert_int_equal(algorithm, JWS_EDDSA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_rfcs_are_verified_again_and_again),
		cmocka_unit_test(a_bit_that_is_changed_anywhere_in_a_signature_is_noticed),
		cmocka_unit_test(
			a_text_that_is_changed_cut_or_longer_is_not_the_one_that_was_signed),
		cmocka_unit_test(a_signature_of_another_length_is_none),
		cmocka_unit_test(a_signature_of_one_algorithm_is_none_of_another),
		cmocka_unit_test(an_r_or_s_that_is_zero_or_the_order_of_the_curve_signs_nothing),
		cmocka_unit_test(a_signature_of_es256_as_der_is_none),
		cmocka_unit_test(
			numbers_with_zeros_in_front_and_with_their_highest_bit_are_verified),
		cmocka_unit_test(names_of_algorithms_are_exact),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
