/* SPDX-License-Identifier: Apache-2.0 */
/* links: jwt_story.c */
/* Which keys of a key set are of use, and what becomes of the others. */
#include "jwt_story.h"

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct jwk_set set, again;
static struct buf left_out;
static char error[256];

static int setup(void **state)
{
	buf_init(&left_out);
	return 0;
}

static int teardown(void **state)
{
	buf_fini(&left_out);
	return 0;
}

static bool read_keys(const char *text)
{
	buf_clear(&left_out);
	return jwk_set_read(text_of(text), &set, &left_out, error, sizeof(error));
}

static const char *lines(void)
{
	buf_byte(&left_out, 0);
	return left_out.ptr;
}

static void a_set_of_one_key_of_each_kind_has_all_three(void **state)
{
	assert_true(read_keys(JWT_STORY_KEYS));
	assert_int_equal(set.count, 3);
	assert_int_equal(set.keys[0].material.algorithm, JWS_RS256);
	assert_int_equal(set.keys[0].material.len, 256);
	assert_int_equal(set.keys[0].material.exponent_len, 3);
	assert_int_equal(set.keys[1].material.algorithm, JWS_ES256);
	assert_int_equal(set.keys[2].material.algorithm, JWS_EDDSA);
	assert_memory_equal(set.keys[2].kid, "ed", 2);
	assert_string_equal(lines(), "");
}

static void a_set_that_is_written_otherwise_is_the_same_bytes(void **state)
{
	assert_true(read_keys("{\"keys\":[{}," JWT_STORY_EC "," JWT_STORY_RSA ",{\"kty\":\"RSA\","
			      "\"kid\":\"abc\",\"n\":\"" JWT_STORY_EC_X "\",\"e\":\"AQAB\"}]}"));
	again = set;
	assert_true(read_keys(" { \"x\":1, \"keys\" : [ {\"use\":\"sig\",\"y\":\"" JWT_STORY_EC_Y
			      "\",\"x\":\"" JWT_STORY_EC_X "\",\"crv\":\"P-256\",\"kid\":\"ec\","
			      "\"kty\":\"EC\",\"x5c\":[\"?\"],\"alg\":\"ES256\","
			      "\"key_ops\":[\"verify\"]}," JWT_STORY_RSA "] } "));
	assert_memory_equal(&set, &again, sizeof(set));
}

#define RSA(members) "{\"kty\":\"RSA\"," members ",\"n\":\"" JWT_STORY_RSA_N "\",\"e\":\"AQAB\"}"

static void a_key_that_verifies_nothing_here_is_left_out_with_its_reason(void **state)
{
	static const struct {
		const char *key, *why;
	} rows[] = {
		{ "7", "it is no object" },
		{ "{}", "\"kty\" is not" },
		{ RSA("\"use\":\"enc\""), "\"use\" is not \"sig\"" },
		{ RSA("\"use\":7"), "\"use\" is not \"sig\"" },
		{ RSA("\"key_ops\":[\"sign\"]"), "\"key_ops\" has no \"verify\"" },
		{ RSA("\"key_ops\":\"verify\""), "\"key_ops\" has no \"verify\"" },
		{ RSA("\"alg\":\"RS512\""), "\"alg\" is not" },
		{ RSA("\"alg\":\"PS256\""), "\"alg\" is not" },
		{ RSA("\"alg\":\"RSA-OAEP\""), "\"alg\" is not" },
		{ RSA("\"alg\":\"HS256\""), "\"alg\" is not" },
		{ RSA("\"alg\":\"none\""), "\"alg\" is not" },
		{ RSA("\"alg\":null"), "\"alg\" is not" },
		{ RSA("\"d\":\"AQAB\""), "it holds a private key" },
		{ RSA("\"kid\":7"), "\"kid\" is no string" },
		{ "{\"kty\":\"RSA\",\"e\":\"AQAB\"}", "\"n\" is no number" },
		{ "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" JWT_STORY_RSA_N "=\"}",
		  "\"n\" is no" },
		{ "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AAAA\"}", "\"n\" is no number" },
		{ "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" JWT_STORY_ED_X "\"}", "2048 bits" },
		{ "{\"kty\":\"RSA\",\"e\":\"AQ\",\"n\":\"" JWT_STORY_RSA_N "\"}", "exponent of 1" },
		{ "{\"kty\":\"RSA\",\"e\":\"Ag\",\"n\":\"" JWT_STORY_RSA_N "\"}", "exponent of 1" },
		{ "{\"kty\":\"RSA\",\"e\":\"AA\",\"n\":\"" JWT_STORY_RSA_N "\"}", "\"e\" is no" },
		{ "{\"kty\":\"RSA\",\"e\":\"AQAAAAAAAAAB\",\"n\":\"" JWT_STORY_RSA_N "\"}",
		  "\"e\" is no number of at most 64 bits" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}", "\"P-256\"" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" JWT_STORY_EC_X "\",\"y\":\"AA\"}",
		  "not of 32 bytes" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" JWT_STORY_EC_X
		  "\",\"y\":\"" JWT_STORY_EC_X "\"}",
		  "no point of P-256" },
		{ "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" JWT_STORY_ED_X "\"}",
		  "\"Ed25519\"" },
		{ "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" JWT_STORY_ED_X "\"}",
		  "\"Ed25519\"" },
		{ "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}",
		  "\"x\" is not of 32 bytes" },
		{ "{\"kty\":\"oct\",\"k\":\"" JWT_STORY_HMAC_KEY "\"}", "--jwt-secret-file" },
	};
	char text[4096];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "{\"keys\":[%s," JWT_STORY_EC "]}", rows[i].key);
		assert_true(read_keys(text));
		assert_int_equal(set.count, 1);
		assert_int_equal(set.keys[0].material.algorithm, JWS_ES256);
		if (!strstr(lines(), rows[i].why) || strncmp(left_out.ptr, "key 1", 5) != 0)
			fail_msg("%s: %s", rows[i].key, left_out.ptr);
		/* Alone it is no set. */
		snprintf(text, sizeof(text), "{\"keys\":[%s]}", rows[i].key);
		assert_false(read_keys(text));
	}
}

static void a_modulus_with_a_zero_in_front_is_the_same_number(void **state)
{
	char padded[1400];
	uint8_t bytes[257] = { 0 };
	struct buf text;
	size_t len;

	assert_true(read_keys("{\"keys\":[" JWT_STORY_RSA "]}"));
	again = set;
	assert_true(base64url_decode(text_of(JWT_STORY_RSA_N), bytes + 1, 256, &len));
	buf_init(&text);
	buf_base64url(&text, bytes, sizeof(bytes));
	snprintf(padded, sizeof(padded),
		 "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"rsa\",\"e\":\"AAEAAQ\",\"n\":\"%.*s\"}]}",
		 (int)text.len, text.ptr);
	buf_fini(&text);
	assert_true(read_keys(padded));
	assert_memory_equal(&set, &again, sizeof(set));
}

static void what_is_no_key_set_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "no JSON: line 1, column 1" },
		{ "<html>", "no JSON" },
		{ "[]", "no JWK Set" },
		{ "{}", "no JWK Set" },
		{ "{\"keys\":{}}", "no JWK Set" },
		{ "{\"keys\":[]}", "no key in it" },
		{ JWT_STORY_RSA, "no JWK Set" },
		{ "{\"keys\":[],\"keys\":[]}", "twice" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(read_keys(rows[i].text));
		if (!strstr(error, rows[i].why))
			fail_msg("%s: %s", rows[i].text, error);
	}
}

static void a_set_has_32_keys_at_most_and_names_what_is_beyond(void **state)
{
	struct buf text;

	buf_init(&text);
	buf_string(&text, "{\"keys\":[");
	for (int i = 0; i < 34; i++)
		buf_printf(&text, "%s" JWT_STORY_ED, i ? "," : "");
	buf_string(&text, "]}");
	buf_byte(&text, 0);
	assert_true(read_keys(text.ptr));
	assert_int_equal(set.count, 32);
	assert_string_equal(lines(), "key 33 (kid \"ed\"): there are more than 32\n"
				     "key 34 (kid \"ed\"): there are more than 32\n");
	buf_fini(&text);
}

static void a_secret_has_32_bytes_at_least(void **state)
{
	char bytes[JWS_KEY_BYTES_MAX + 1] = { 0 };

	assert_false(jwk_set_secret((struct text){ bytes, 31 }, &set, error, sizeof(error)));
	assert_string_equal(error, "a secret of 31 bytes: 32 to 1024 are good");
	assert_true(jwk_set_secret((struct text){ bytes, 32 }, &set, error, sizeof(error)));
	assert_int_equal(set.count, 1);
	assert_true(jwk_set_secret((struct text){ bytes, 1024 }, &set, error, sizeof(error)));
	assert_false(jwk_set_secret((struct text){ bytes, 1025 }, &set, error, sizeof(error)));
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORY(a_set_of_one_key_of_each_kind_has_all_three),
		STORY(a_set_that_is_written_otherwise_is_the_same_bytes),
		STORY(a_key_that_verifies_nothing_here_is_left_out_with_its_reason),
		STORY(a_modulus_with_a_zero_in_front_is_the_same_number),
		STORY(what_is_no_key_set_is_refused_with_its_place),
		STORY(a_set_has_32_keys_at_most_and_names_what_is_beyond),
		STORY(a_secret_has_32_bytes_at_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
