/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens and key sets. The first byte says what the rest is: 'k' a key set, 's' a header and, from
 * the next line on, claims, which are signed by the secret as an issuer that was taken over would;
 * anything else the bytes of a token. Whatever it is, it is refused, or all that a principal
 * promises holds; a token that is not signed is never accepted.
 *
 *     make fuzz TARGETS=jwt SECONDS=60
 */
#include "base/clock.h"
#include "base/json.h"
#include "http/auth/principal_copy.h"
#include "tests/unit/jwt_story.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct jwt_keys *public_keys, *secret_keys;

static void make_keys(void)
{
	static struct jwk_set set;

	if (public_keys)
		return;
	jwt_story_set(JWT_STORY_KEYS, &set);
	public_keys = jwt_keys_new(&set);
	jwt_story_secret(&set);
	secret_keys = jwt_keys_new(&set);
}

static void check_name(struct text name)
{
	assert(name.len >= 1 && name.len <= USER_BYTES_MAX);
	assert(strlen(name.ptr) == name.len);
	for (size_t i = 0; i < name.len; i++)
		assert((unsigned char)name.ptr[i] >= 0x20);
}

static void check_principal(const struct principal *principal, int64_t now_s)
{
	struct json_error error;
	struct json *claims = json_read(principal->claims, &error);

	assert(claims && json_kind(claims) == JSON_OBJECT);
	assert(text_equal(json_text(json_get(claims, "iss")), principal->scope));
	json_free(claims);
	assert(principal->kind == PRINCIPAL_JWT && principal->acts_for == ACTS_FOR_SELF);
	assert(text_equal(principal->scope, jwt_story_policy.issuer));
	check_name(principal->subject);
	assert(strlen(principal->id.ptr) == principal->id.len);
	assert(principal->expires_s > now_s);
	assert((principal->expires_s - now_s) * US_PER_S <=
	       JWT_LIFETIME_US_MAX + 2 * jwt_story_policy.leeway_us + US_PER_S);
	assert(principal->roles_count <= JWT_ROLES_MAX);
	for (size_t i = 0; i < principal->roles_count; i++)
		assert(principal->roles[i].len > 0 &&
		       !memchr(principal->roles[i].ptr, ',', principal->roles[i].len));
}

/* A copy of a copy says the same. */
static void check_copy(const struct principal *principal, struct arena *arena)
{
	size_t bytes = principal_bytes(principal);
	char *memory = malloc(bytes);
	const struct principal *copy;

	assert(memory);
	principal_pack(memory, principal);
	copy = principal_unpack((const struct principal *)memory, bytes, arena);
	free(memory);
	assert(principal_bytes(copy) == bytes);
	assert(text_equal(copy->id, principal->id) && text_equal(copy->claims, principal->claims));
	for (size_t i = 0; i < copy->roles_count; i++)
		assert(text_equal(copy->roles[i], principal->roles[i]));
}

static void try_token(struct jwt_keys *keys, struct text token, bool is_signed)
{
	struct principal principal;
	struct arena arena;

	arena_init(&arena);
	if (jwt_verify(keys, token, JWT_STORY_NOW_S, &jwt_story_policy, &arena, &principal) ==
	    JWT_OK) {
		assert(is_signed);
		check_principal(&principal, JWT_STORY_NOW_S);
		check_copy(&principal, &arena);
	}
	arena_fini(&arena);
}

static void try_signed(char *text)
{
	char *claims = strchr(text, '\n');

	if (!claims)
		return;
	*claims++ = '\0';
	try_token(secret_keys, jwt_story_sign(JWS_HS256, text, claims), true);
}

static void try_keys(struct text text)
{
	static struct jwk_set set;
	struct buf left_out;
	char error[256];

	buf_init(&left_out);
	if (jwk_set_read(text, &set, &left_out, error, sizeof(error))) {
		struct jwt_keys *keys = jwt_keys_new(&set);

		assert(set.count >= 1 && set.count <= JWK_KEYS_MAX);
		for (uint32_t i = 0; i < set.count; i++) {
			assert(set.keys[i].material.algorithm != JWS_HS256);
			assert(set.keys[i].kid_len <= JWK_KID_BYTES_MAX);
			assert(set.keys[i].material.algorithm != JWS_RS256 ||
			       set.keys[i].material.len >= JWS_RSA_BITS_MIN / 8);
		}
		jwt_keys_free(keys);
	}
	buf_fini(&left_out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);

	assert(copy);
	if (size)
		memcpy(copy, data, size);
	copy[size] = '\0';
	make_keys();
	if (size && copy[0] == 'k') {
		try_keys((struct text){ copy + 1, size - 1 });
	} else if (size && copy[0] == 's') {
		try_signed(copy + 1);
	} else {
		try_token(public_keys, (struct text){ copy, size }, false);
		try_token(secret_keys, (struct text){ copy, size }, false);
	}
	free(copy);
	return 0;
}
