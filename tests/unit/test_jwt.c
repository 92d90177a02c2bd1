/* SPDX-License-Identifier: Apache-2.0 */
/* links: jwt_story.c */
/* Who a token is, and every way in which it is none. */
#include "base/limits.h"
#include "jwt_story.h"

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ISS "\"iss\":\"https://id.example\""
#define AUD "\"aud\":\"shop\""
#define SUB "\"sub\":\"ann\""
#define EXP "\"exp\":1700000600"
#define GOOD "{" ISS "," AUD "," SUB "," EXP "}"
/* With one claim of its own, instead of or besides those. */
#define WITH(claim) "{" ISS "," AUD "," SUB "," EXP "," claim "}"

static struct arena arena;
static struct jwt_keys *keys, *secret_keys;
static struct jwt_policy policy;
static struct principal principal;
static int64_t now_s;

static int setup(void **state)
{
	static struct jwk_set set;

	jwt_story_set(JWT_STORY_KEYS, &set);
	keys = jwt_keys_new(&set);
	jwt_story_secret(&set);
	secret_keys = jwt_keys_new(&set);
	arena_init(&arena);
	policy = jwt_story_policy;
	now_s = JWT_STORY_NOW_S;
	return 0;
}

static int teardown(void **state)
{
	jwt_keys_free(keys);
	jwt_keys_free(secret_keys);
	arena_fini(&arena);
	return 0;
}

static enum jwt_verdict verify(struct text token)
{
	return jwt_verify(keys, token, now_s, &policy, &arena, &principal);
}

static enum jwt_verdict claim(const char *claims)
{
	return verify(jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", claims));
}

static void expect(const char *what, enum jwt_verdict is, enum jwt_verdict wanted)
{
	if (is != wanted)
		fail_msg("%s: %s, not %s", what, jwt_reason(is), jwt_reason(wanted));
}

static bool text_holds(struct text text, const char *string)
{
	return text_is(text, string) && strlen(text.ptr) == text.len;
}

static void a_token_of_each_algorithm_is_who_it_says(void **state)
{
	static const struct {
		enum jws_algorithm algorithm;
		const char *header;
	} rows[] = {
		{ JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"JWT\"}" },
		{ JWS_RS256, "{\"alg\":\"RS256\"}" },
		{ JWS_ES256, "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"ec\"}" },
		{ JWS_EDDSA, "{\"alg\":\"EdDSA\",\"typ\":\"application/at+jwt\"}" },
		{ JWS_EDDSA, " {\"alg\" : \"Ed25519\"} " },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect(rows[i].header,
		       verify(jwt_story_sign(rows[i].algorithm, rows[i].header, jwt_story_claims)),
		       JWT_OK);
		assert_int_equal(principal.kind, PRINCIPAL_JWT);
		assert_int_equal(principal.acts_for, ACTS_FOR_SELF);
		assert_true(text_holds(principal.id, "jwt:https://id.example:ann"));
		assert_true(text_holds(principal.scope, "https://id.example"));
		assert_true(text_holds(principal.subject, "ann"));
		assert_int_equal(principal.roles_count, 2);
		assert_true(text_holds(principal.roles[0], "app"));
		assert_true(text_holds(principal.roles[1], "support"));
		assert_true(text_holds(principal.claims, jwt_story_claims));
		assert_int_equal(principal.expires_s, 1700000630);
	}
}

static void a_token_of_the_secret_is_verified_by_the_secret_only(void **state)
{
	struct text token = jwt_story_sign(JWS_HS256, "{\"alg\":\"HS256\",\"kid\":\"any\"}", GOOD);

	assert_int_equal(jwt_verify(secret_keys, token, now_s, &policy, &arena, &principal),
			 JWT_OK);
	expect("HS256", verify(token), JWT_UNKNOWN_KEY);
	expect("HS256 without kid", verify(jwt_story_sign(JWS_HS256, "{\"alg\":\"HS256\"}", GOOD)),
	       JWT_ALGORITHM);
	/* And no other algorithm by the secret. */
	assert_int_equal(jwt_verify(secret_keys,
				    jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\"}", GOOD), now_s,
				    &policy, &arena, &principal),
			 JWT_ALGORITHM);
}

static void a_header_that_is_forged_gets_in_nowhere(void **state)
{
	static const struct {
		const char *header;
		enum jwt_verdict wanted;
	} rows[] = {
		{ "{\"alg\":\"none\",\"kid\":\"ed\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"None\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"eddsa\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"RS256\",\"kid\":\"ed\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"ES256\",\"kid\":\"ed\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"HS256\",\"kid\":\"ed\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"RS512\",\"kid\":\"rsa\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"ec\"}", JWT_ALGORITHM },
		{ "{\"alg\":\"ES256\"}", JWT_UNKNOWN_KEY }, /* of a key whose name is not told */
		{ "{\"alg\":\"EdDSA\",\"kid\":\"new\"}", JWT_UNKNOWN_KEY },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"ED\"}", JWT_UNKNOWN_KEY },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"ed\\u0020\"}", JWT_UNKNOWN_KEY },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"../../dev/null\"}", JWT_UNKNOWN_KEY },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"x' UNION SELECT 'key\"}", JWT_UNKNOWN_KEY },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"ed\\u0000\"}", JWT_MALFORMED },
		{ "{\"alg\":\"EdDSA\",\"kid\":7}", JWT_MALFORMED },
		{ "{\"alg\":\"EdDSA\",\"kid\":[\"ed\"]}", JWT_MALFORMED },
		{ "{\"alg\":[\"EdDSA\"]}", JWT_MALFORMED },
		{ "{\"alg\":null}", JWT_MALFORMED },
		{ "{\"kid\":\"ed\"}", JWT_MALFORMED },
		{ "{\"Alg\":\"EdDSA\"}", JWT_MALFORMED },
		{ "{\"alg\":\"none\",\"alg\":\"EdDSA\"}", JWT_MALFORMED },
		{ "{\"alg\":\"EdDSA\",\"\\u0061lg\":\"none\"}", JWT_MALFORMED },
		{ "[\"EdDSA\"]", JWT_MALFORMED },
		{ "\"EdDSA\"", JWT_MALFORMED },
		{ "{\"alg\":\"EdDSA\"}x", JWT_MALFORMED },
		{ "{\"alg\":\"EdDSA\"", JWT_MALFORMED },
		{ "{\"alg\":\"EdDSA\",\"x\":\"\xff\"}", JWT_MALFORMED },
		{ "{\"alg\":\"EdDSA\",\"crit\":[\"exp\"]}", JWT_CRITICAL },
		{ "{\"alg\":\"EdDSA\",\"crit\":[]}", JWT_CRITICAL },
		{ "{\"alg\":\"EdDSA\",\"b64\":false,\"crit\":[\"b64\"]}", JWT_CRITICAL },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"logout+jwt\"}", JWT_TYPE },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"dpop+jwt\"}", JWT_TYPE },
		{ "{\"alg\":\"EdDSA\",\"typ\":\"\"}", JWT_TYPE },
		{ "{\"alg\":\"EdDSA\",\"typ\":null}", JWT_TYPE },
		{ "{\"alg\":\"EdDSA\",\"typ\":[\"JWT\"]}", JWT_TYPE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(rows[i].header, verify(jwt_story_sign(JWS_EDDSA, rows[i].header, GOOD)),
		       rows[i].wanted);
}

static void a_key_that_the_token_brings_or_points_at_is_not_used(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":\"EdDSA\",\"kid\":\"mine\",\"jwk\":" JWT_STORY_ED "}",
		"{\"alg\":\"EdDSA\",\"kid\":\"mine\",\"jku\":\"http://127.0.0.1:1/keys\"}",
		"{\"alg\":\"EdDSA\",\"kid\":\"mine\",\"x5u\":\"http://127.0.0.1:1/keys\"}",
		"{\"alg\":\"EdDSA\",\"kid\":\"mine\",\"x5c\":[\"AAAA\"]}",
	};
	static struct jwk_set others;
	struct jwt_keys *other_keys;

	/* The key of the header would verify them; it is not among ours. */
	jwt_story_set("{\"keys\":[" JWT_STORY_RSA "," JWT_STORY_EC "]}", &others);
	other_keys = jwt_keys_new(&others);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct text token = jwt_story_sign(JWS_EDDSA, headers[i], GOOD);

		expect(headers[i],
		       jwt_verify(other_keys, token, now_s, &policy, &arena, &principal),
		       JWT_UNKNOWN_KEY);
	}
	jwt_keys_free(other_keys);
	/* Where it is ours, what else the header says does not matter. */
	expect("jwk",
	       verify(jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"ed\",\"jwk\":{}}",
				     GOOD)),
	       JWT_OK);
}

static void a_public_key_is_no_secret(void **state)
{
	static const char *const texts[] = { JWT_STORY_RSA, JWT_STORY_RSA_N, JWT_STORY_ED_X, "" };
	static const char *const headers[] = { "{\"alg\":\"HS256\",\"kid\":\"rsa\"}",
					       "{\"alg\":\"RS256\",\"kid\":\"rsa\"}",
					       "{\"alg\":\"HS256\",\"kid\":\"ed\"}",
					       "{\"alg\":\"HS256\"}" };
	uint8_t bytes[256];
	size_t len;

	assert_true(base64url_decode(text_of(JWT_STORY_RSA_N), bytes, sizeof(bytes), &len));
	for (size_t h = 0; h < 4; h++) {
		for (size_t i = 0; i < 4; i++)
			assert_int_not_equal(
				verify(jwt_story_mac(headers[h], GOOD, texts[i], strlen(texts[i]))),
				JWT_OK);
		assert_int_not_equal(verify(jwt_story_mac(headers[h], GOOD, bytes, len)), JWT_OK);
	}
}

static void a_signature_of_zeros_or_of_nothing_signs_nothing(void **state)
{
	static const uint8_t zeros[256];
	static const struct {
		const char *header;
		size_t len;
	} rows[] = { { "{\"alg\":\"ES256\",\"kid\":\"ec\"}", 64 },
		     { "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", 64 },
		     { "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", 256 } };

	for (size_t i = 0; i < 3; i++) {
		expect(rows[i].header,
		       verify(jwt_story_token(rows[i].header, GOOD, zeros, rows[i].len)),
		       JWT_SIGNATURE);
		expect("none", verify(jwt_story_token(rows[i].header, GOOD, zeros, 0)),
		       JWT_MALFORMED);
	}
	expect("none", verify(jwt_story_token("{\"alg\":\"none\"}", GOOD, zeros, 0)),
	       JWT_MALFORMED);
}

/* The token with one byte replaced by that text; keep: how many bytes of it are kept. */
static struct text edited(struct text token, size_t at, size_t keep, const char *insert)
{
	char *copy = arena_alloc(&arena, token.len + 16);
	size_t len = strlen(insert);

	memcpy(copy, token.ptr, at);
	memcpy(copy + at, insert, len);
	memcpy(copy + at + len, token.ptr + at + keep, token.len - at - keep);
	return (struct text){ copy, token.len + len - keep };
}

static void a_token_is_three_parts_of_base64url_and_not_a_byte_more(void **state)
{
	static const char *const inserts[] = { "=", " ", "\n", "+", "/", ".", "\t", "\xc3", "%" };
	struct text token = jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", GOOD);
	size_t first = (size_t)((const char *)memchr(token.ptr, '.', token.len) - token.ptr);
	size_t second = (size_t)((const char *)memrchr(token.ptr, '.', token.len) - token.ptr);
	const size_t places[] = { 0, 3, first, first + 1, second, second + 1, token.len };

	assert_int_equal(verify(token), JWT_OK);
	for (size_t i = 0; i < sizeof(inserts) / sizeof(inserts[0]); i++) {
		for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
			enum jwt_verdict is = verify(edited(token, places[p], 0, inserts[i]));

			/* In the payload it is a text that was not signed. */
			expect(inserts[i], is, is == JWT_SIGNATURE ? is : JWT_MALFORMED);
		}
	}
	expect("a byte less", verify(edited(token, 3, 1, "")), JWT_MALFORMED);
	expect("without its signature", verify((struct text){ token.ptr, second + 1 }),
	       JWT_MALFORMED);
	expect("two parts", verify((struct text){ token.ptr, second }), JWT_MALFORMED);
	expect("five parts", verify(TEXT("e30.e30.e30.e30.e30")), JWT_MALFORMED);
	expect("dots", verify(TEXT("..")), JWT_MALFORMED);
	expect("nothing", verify(TEXT("")), JWT_MALFORMED);
}

static void trailing_bits_make_no_second_token_of_one(void **state)
{
	/* 64 bytes are 86 characters of which the last has 4 bits to spare. */
	struct text token = jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\"}", GOOD);
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned good = 0;

	for (size_t i = 0; i < 64; i++) {
		char last[] = { alphabet[i], '\0' };

		good += verify(edited(token, token.len - 1, 1, last)) == JWT_OK;
	}
	assert_int_equal(good, 1);
}

static void a_token_of_8192_bytes_is_read_and_one_byte_more_is_not(void **state)
{
	/* 32 bytes of MAC and the header are of a length that leaves both in reach. */
	static char filler[9000], claims[9000];
	struct text token = { NULL, 0 };
	bool met = false;

	memset(filler, 'x', sizeof(filler));
	for (int len = 5900; token.len <= JWT_BYTES_MAX; len++) {
		snprintf(claims, sizeof(claims), "{" ISS "," AUD "," SUB "," EXP ",\"x\":\"%.*s\"}",
			 len, filler);
		token = jwt_story_sign(JWS_HS256, "{\"alg\":\"HS256\"}", claims);
		assert_int_equal(jwt_verify(secret_keys, token, now_s, &policy, &arena, &principal),
				 token.len <= JWT_BYTES_MAX ? JWT_OK : JWT_TOO_LONG);
		met |= token.len == JWT_BYTES_MAX;
	}
	assert_true(met || token.len == JWT_BYTES_MAX + 1);
}

static void claims_that_are_missing_or_of_another_are_refused(void **state)
{
	static const struct {
		const char *claims;
		enum jwt_verdict wanted;
	} rows[] = {
		{ GOOD, JWT_OK },
		{ "{" AUD "," SUB "," EXP "}", JWT_ISSUER },
		{ "{\"iss\":\"https://id.example/\"," AUD "," SUB "," EXP "}", JWT_ISSUER },
		{ "{\"iss\":\"https://id.exampl\"," AUD "," SUB "," EXP "}", JWT_ISSUER },
		{ "{\"iss\":[\"https://id.example\"]," AUD "," SUB "," EXP "}", JWT_ISSUER },
		{ "{\"iss\":null," AUD "," SUB "," EXP "}", JWT_ISSUER },
		{ "{" ISS "," SUB "," EXP "}", JWT_AUDIENCE },
		{ "{" ISS ",\"aud\":\"\"," SUB "," EXP "}", JWT_AUDIENCE },
		{ "{" ISS ",\"aud\":null," SUB "," EXP "}", JWT_AUDIENCE },
		{ "{" ISS ",\"aud\":\"Shop\"," SUB "," EXP "}", JWT_AUDIENCE },
		{ "{" ISS ",\"aud\":\"shop \"," SUB "," EXP "}", JWT_AUDIENCE },
		{ "{" ISS ",\"aud\":\"shop,bank\"," SUB "," EXP "}", JWT_AUDIENCE },
		{ "{" ISS ",\"aud\":[]," SUB "," EXP "}", JWT_AUDIENCE },
		{ "{" ISS ",\"aud\":[\"bank\"]," SUB "," EXP "}", JWT_AUDIENCE },
		{ "{" ISS ",\"aud\":[[\"shop\"]]," SUB "," EXP "}", JWT_AUDIENCE },
		{ "{" ISS ",\"aud\":[\"shop\",7]," SUB "," EXP "}", JWT_AUDIENCE },
		{ "{" ISS ",\"aud\":{\"shop\":1}," SUB "," EXP "}", JWT_AUDIENCE },
		{ "{" ISS ",\"aud\":[\"bank\",\"shop\"]," SUB "," EXP "}", JWT_OK },
		{ "{" ISS "," AUD "," EXP "}", JWT_SUBJECT },
		{ "{" ISS "," AUD ",\"sub\":\"\"," EXP "}", JWT_SUBJECT },
		{ "{" ISS "," AUD ",\"sub\":7," EXP "}", JWT_SUBJECT },
		{ "{" ISS "," AUD ",\"sub\":[\"ann\"]," EXP "}", JWT_SUBJECT },
		{ "{" ISS "," AUD ",\"sub\":\"ann\\nbob\"," EXP "}", JWT_SUBJECT },
		{ "{" ISS "," AUD ",\"sub\":\"\\u00e4nn\"," EXP "}", JWT_OK },
		{ "{" ISS "," AUD "," SUB "," EXP ",\"sub\":\"bob\"}", JWT_MALFORMED },
		{ "{" ISS "," AUD "," SUB "," EXP ",\"x\":{\"a\":1,\"a\":2}}", JWT_MALFORMED },
		{ "[" ISS "]", JWT_MALFORMED },
		{ "[]", JWT_MALFORMED },
		{ "", JWT_MALFORMED },
		{ "Example of Ed25519 signing", JWT_MALFORMED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(rows[i].claims, claim(rows[i].claims), rows[i].wanted);
}

static void a_subject_has_256_bytes_at_most(void **state)
{
	char claims[512];

	for (int len = 256; len <= 257; len++) {
		snprintf(claims, sizeof(claims), "{" ISS "," AUD ",\"sub\":\"%0*d\"," EXP "}", len,
			 0);
		expect(claims, claim(claims), len == 256 ? JWT_OK : JWT_SUBJECT);
	}
}

/* Now is 1,700,000,000; the leeway is 30 s. */
static void a_token_counts_from_nbf_to_exp_for_a_day_at_most(void **state)
{
	static const struct {
		const char *times;
		enum jwt_verdict wanted;
	} rows[] = {
		{ "\"exp\":1700000001", JWT_OK },
		{ "\"exp\":1700000000", JWT_OK },
		{ "\"exp\":1699999971", JWT_OK },
		{ "\"exp\":1699999970", JWT_EXPIRED },
		{ "\"exp\":1699999970.5", JWT_OK },
		{ "\"exp\":0", JWT_EXPIRED },
		{ "\"exp\":-1", JWT_LIFETIME },
		{ "\"exp\":1.7000001e9", JWT_OK },
		{ "\"exp\":\"1700000600\"", JWT_LIFETIME },
		{ "\"exp\":null", JWT_LIFETIME },
		{ "\"exp\":[1700000600]", JWT_LIFETIME },
		{ "\"exp\":1e300", JWT_LIFETIME },
		{ "\"exp\":1e999999", JWT_LIFETIME },
		{ "\"exp\":1700000600000", JWT_LIFETIME }, /* milliseconds */
		{ "\"iat\":1700000000", JWT_LIFETIME },    /* no exp */
		/* A day: from iat, or from now. */
		{ "\"exp\":1700086400", JWT_OK },
		{ "\"exp\":1700086430", JWT_OK },
		{ "\"exp\":1700086431", JWT_LIFETIME },
		{ "\"exp\":1700086400,\"iat\":1700000000", JWT_OK },
		{ "\"exp\":1700086401,\"iat\":1700000000", JWT_LIFETIME },
		{ "\"exp\":1700000600,\"iat\":1699900000", JWT_LIFETIME },
		{ "\"exp\":1700000600,\"iat\":1699914200", JWT_OK },
		{ "\"exp\":1700000600,\"iat\":\"then\"", JWT_LIFETIME },
		{ "\"exp\":1700000600,\"iat\":1700000030", JWT_OK },
		{ "\"exp\":1700000600,\"iat\":1700000031", JWT_NOT_YET },
		{ "\"exp\":1700000600,\"iat\":0", JWT_LIFETIME },
		{ "\"exp\":1700000600,\"nbf\":1700000030", JWT_OK },
		{ "\"exp\":1700000600,\"nbf\":1700000031", JWT_NOT_YET },
		{ "\"exp\":1700000600,\"nbf\":1700000031.5", JWT_NOT_YET },
		{ "\"exp\":1700000600,\"nbf\":\"now\"", JWT_LIFETIME },
		{ "\"exp\":1700000600,\"nbf\":0", JWT_OK },
	};
	char claims[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(claims, sizeof(claims), "{" ISS "," AUD "," SUB ",%s}", rows[i].times);
		expect(claims, claim(claims), rows[i].wanted);
	}
}

static void a_principal_ends_with_its_token_and_the_leeway(void **state)
{
	struct text token = jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\"}",
					   "{" ISS "," AUD "," SUB ",\"exp\":1700000100.5}");

	policy.leeway_us = 700000;
	assert_int_equal(verify(token), JWT_OK);
	assert_int_equal(principal.expires_s, 1700000102);
	now_s = principal.expires_s - 1;
	assert_int_equal(verify(token), JWT_OK);
	now_s = principal.expires_s;
	assert_int_equal(verify(token), JWT_EXPIRED);
}

static const char *roles_of(const char *claims)
{
	static char roles[256];

	roles[0] = '\0';
	if (claim(claims) != JWT_OK)
		return "?";
	for (size_t i = 0; i < principal.roles_count; i++)
		snprintf(roles + strlen(roles), sizeof(roles) - strlen(roles), "%s%s", i ? "," : "",
			 principal.roles[i].ptr);
	return roles;
}

static void roles_are_an_array_or_words_of_a_string(void **state)
{
	assert_string_equal(roles_of(GOOD), "");
	assert_string_equal(roles_of(WITH("\"roles\":[]")), "");
	assert_string_equal(roles_of(WITH("\"roles\":[\"app\",\"a.b-c_D\"]")), "app,a.b-c_D");
	assert_string_equal(roles_of(WITH("\"roles\":\"app  support\"")), "app,support");
	assert_string_equal(roles_of(WITH("\"roles\":\"app\"")), "app");
	assert_string_equal(roles_of(WITH("\"roles\":\"\"")), "");
	/* What no @roles can name is no role; the rest of the claim is as it is. */
	assert_string_equal(roles_of(WITH("\"roles\":[\"app,admin\",\"\",\"a b\",\"app\"]")),
			    "app");
	assert_string_equal(roles_of(WITH("\"roles\":[\"app\",7]")), "?");
	assert_string_equal(roles_of(WITH("\"roles\":[[\"app\"]]")), "?");
	assert_string_equal(roles_of(WITH("\"roles\":{\"app\":true}")), "?");
	assert_string_equal(roles_of(WITH("\"roles\":null")), "?");
	policy.roles_claim = text_of("https://shop.example/groups");
	assert_string_equal(roles_of(WITH("\"roles\":[\"app\"]")), "");
	assert_string_equal(roles_of(WITH("\"https://shop.example/groups\":[\"app\"]")), "app");
}

static void a_token_has_256_roles_at_most(void **state)
{
	struct buf claims;

	for (int count = 256; count <= 257; count++) {
		buf_init(&claims);
		buf_string(&claims, "{" ISS "," AUD "," SUB "," EXP ",\"roles\":[\"r0\"");
		for (int i = 1; i < count; i++)
			buf_printf(&claims, ",\"r%d\"", i);
		buf_string(&claims, "]}");
		buf_byte(&claims, 0);
		expect("roles", claim(claims.ptr), count == 256 ? JWT_OK : JWT_ROLES);
		buf_fini(&claims);
	}
}

static void the_user_is_of_the_claim_that_was_configured(void **state)
{
	policy.user_claim = text_of("uid");
	assert_int_equal(claim(WITH("\"uid\":\"u-7\"")), JWT_OK);
	assert_true(text_holds(principal.subject, "u-7"));
	assert_true(text_holds(principal.id, "jwt:https://id.example:ann"));
	/* Who acts for itself must be known. */
	assert_int_equal(claim(GOOD), JWT_USER);
	assert_int_equal(claim(WITH("\"uid\":7")), JWT_USER);
	assert_int_equal(claim(WITH("\"uid\":\"\"")), JWT_USER);
	policy.acts_for = ACTS_FOR_ANY;
	assert_int_equal(claim(GOOD), JWT_OK);
	assert_null(principal.subject.ptr);
	assert_int_equal(principal.acts_for, ACTS_FOR_ANY);
	policy.acts_for = ACTS_FOR_NONE;
	assert_int_equal(claim(GOOD), JWT_OK);
	assert_int_equal(principal.acts_for, ACTS_FOR_NONE);
}

static void of_several_keys_of_one_name_each_is_tried_up_to_four(void **state)
{
	/* Ed25519 keys of the same name: five others, then the one that signed. */
	static struct jwk_set set;
	struct text token = jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", GOOD);

	jwt_story_set("{\"keys\":[" JWT_STORY_ED "]}", &set);
	for (uint32_t others = 0; others < 6; others++) {
		struct jwt_keys *many;

		set.count = others + 1;
		set.keys[others] = set.keys[0];
		for (uint32_t i = 0; i < others; i++) {
			set.keys[i] = set.keys[others];
			set.keys[i].material.bytes[0] ^= (uint8_t)(i + 1);
		}
		many = jwt_keys_new(&set);
		expect("many", jwt_verify(many, token, now_s, &policy, &arena, &principal),
		       others < 4 ? JWT_OK : JWT_SIGNATURE);
		jwt_keys_free(many);
		jwt_story_set("{\"keys\":[" JWT_STORY_ED "]}", &set);
	}
}

static void a_key_without_a_name_may_be_that_of_any_token(void **state)
{
	static struct jwk_set set;
	struct jwt_keys *nameless;

	jwt_story_set("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" JWT_STORY_ED_X
		      "\"}]}",
		      &set);
	nameless = jwt_keys_new(&set);
	assert_int_equal(
		jwt_verify(nameless,
			   jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"x\"}", GOOD),
			   now_s, &policy, &arena, &principal),
		JWT_OK);
	/* What it does not verify may be of a key that is not published yet. */
	assert_int_equal(
		jwt_verify(nameless,
			   jwt_story_token("{\"alg\":\"EdDSA\",\"kid\":\"x\"}", GOOD, GOOD, 64),
			   now_s, &policy, &arena, &principal),
		JWT_UNKNOWN_KEY);
	jwt_keys_free(nameless);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORY(a_token_of_each_algorithm_is_who_it_says),
		STORY(a_token_of_the_secret_is_verified_by_the_secret_only),
		STORY(a_header_that_is_forged_gets_in_nowhere),
		STORY(a_key_that_the_token_brings_or_points_at_is_not_used),
		STORY(a_public_key_is_no_secret),
		STORY(a_signature_of_zeros_or_of_nothing_signs_nothing),
		STORY(a_token_is_three_parts_of_base64url_and_not_a_byte_more),
		STORY(trailing_bits_make_no_second_token_of_one),
		STORY(a_token_of_8192_bytes_is_read_and_one_byte_more_is_not),
		STORY(claims_that_are_missing_or_of_another_are_refused),
		STORY(a_subject_has_256_bytes_at_most),
		STORY(a_token_counts_from_nbf_to_exp_for_a_day_at_most),
		STORY(a_principal_ends_with_its_token_and_the_leeway),
		STORY(roles_are_an_array_or_words_of_a_string),
		STORY(a_token_has_256_roles_at_most),
		STORY(the_user_is_of_the_claim_that_was_configured),
		STORY(of_several_keys_of_one_name_each_is_tried_up_to_four),
		STORY(a_key_without_a_name_may_be_that_of_any_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
