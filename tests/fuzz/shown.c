/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are the same in each run; tokens are of the moment at which they are made. */
#include "tests/fuzz/shown.h"

#include "base/buf.h"
#include "base/clock.h"
#include "http/auth/key_text.h"
#include "tests/unit/jwt_story.h"
#include "tests/unit/key_story.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct buf lines; /* of the keyring */

#define ANN "jwt:https://id.example:ann"

struct shown shown[SHOWN] = {
	{ 'a', "key:a", { 0 } }, { 'b', "key:b", { 0 } },
	{ 'c', "key:c", { 0 } }, { 'd', NULL, { 0 } }, /* revoked */
	{ 'e', NULL, { 0 } },                          /* expired */
	{ 'f', NULL, { 0 } },                          /* of an id that is not there */
	{ 'g', NULL, { 0 } },                          /* of the first, with another secret */
	{ 'h', ANN, { 0 } },     { 'i', ANN, { 0 } },
	{ 'j', ANN, { 0 } },     { 'k', NULL, { 0 } }, /* expired */
	{ 'l', NULL, { 0 } },                          /* for another audience */
	{ 'm', NULL, { 0 } },                          /* not signed */
	{ 'n', NULL, { 0 } },                          /* by the public key as a secret */
	{ 'o', NULL, { 0 } },                          /* r and s are zero */
	{ 'p', NULL, { 0 } },                          /* of a key that is not known */
};

struct shown *shown_by(char letter)
{
	for (size_t i = 0; i < SHOWN; i++)
		if (shown[i].letter == letter)
			return &shown[i];
	return NULL;
}

static void shown_keep(char letter, struct text text)
{
	char *copy = malloc(text.len);

	assert(copy);
	memcpy(copy, text.ptr, text.len);
	shown_by(letter)->text = (struct text){ copy, text.len };
}

/* A key of that letter, and its line for the keyring. */
static void shown_make_key(char letter, const char *more)
{
	char id[] = { letter, '\0' };
	const char *key = key_story_text(id, (uint8_t)letter);

	shown_keep(letter, text_of(key));
	key_story_add_line(&lines, key, "web", more);
}

static void shown_make_keys(void)
{
	buf_init(&lines);
	shown_make_key('a', "roles=app,support acts-for=any");
	shown_make_key('b', "acts-for=self");
	shown_make_key('c', "acts-for=none");
	shown_make_key('d', "revoked=2026-01-01T00:00:00Z");
	shown_make_key('e', "expires=2026-01-01T00:00:00Z");
	shown_keep('f', text_of(key_story_text("f", 1)));
	shown_keep('g', text_of(key_story_text("a", 2)));
}

/* Tokens of today: what decides about them asks the wall clock. */
static void shown_make_tokens(void)
{
	static const uint8_t zeros[64];
	char good[200], old[200], others[200];
	long long now_s = clock_wall_us() / US_PER_S;
	const char *form = "{\"iss\":\"https://id.example\",\"aud\":\"%s\",\"sub\":\"ann\","
			   "\"roles\":[\"app\"],\"exp\":%lld}";

	snprintf(good, sizeof(good), form, "shop", now_s + 43200);
	snprintf(old, sizeof(old), form, "shop", now_s - 43200);
	snprintf(others, sizeof(others), form, "bank", now_s + 43200);
	shown_keep('h', jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", good));
	shown_keep('i', jwt_story_sign(JWS_RS256, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", good));
	shown_keep('j', jwt_story_sign(JWS_ES256, "{\"alg\":\"ES256\",\"kid\":\"ec\"}", good));
	shown_keep('k', jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", old));
	shown_keep('l', jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", others));
	shown_keep('m', jwt_story_token("{\"alg\":\"none\"}", good, zeros, 0));
	shown_keep('n', jwt_story_mac("{\"alg\":\"HS256\",\"kid\":\"rsa\"}", good, JWT_STORY_RSA_N,
				      strlen(JWT_STORY_RSA_N)));
	shown_keep('o', jwt_story_token("{\"alg\":\"ES256\",\"kid\":\"ec\"}", good, zeros, 64));
	shown_keep('p', jwt_story_sign(JWS_EDDSA, "{\"alg\":\"EdDSA\",\"kid\":\"x\"}", good));
}

void shown_make(void)
{
	shown_make_keys();
	shown_make_tokens();
}

struct text shown_keys(void)
{
	return (struct text){ lines.ptr, lines.len };
}
