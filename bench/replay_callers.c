/* SPDX-License-Identifier: Apache-2.0 */
/* One key among a hundred, or one token of 600 bytes; both may act for any user. */
#include "bench/replay_callers.h"

#include "base/buf.h"
#include "base/clock.h"
#include "http/auth/key_store.h"
#include "http/auth/key_text.h"
#include "tests/unit/jwt_story.h"
#include "tests/unit/key_story.h"

#include <assert.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#define CALLERS_KEYS 100

static struct auth_settings settings;

/* The last one is shown. */
static void callers_show_key(struct buf *header)
{
	struct key_store *store = key_store_new();
	char key[KEY_TEXT_BYTES_MAX + 1];
	uint8_t random[32];
	struct buf lines;
	struct text text;

	buf_init(&lines);
	for (unsigned i = 0; i < CALLERS_KEYS; i++) {
		char id[KEY_ID_BYTES + 1];

		memset(random, (int)i, sizeof(random));
		key_id_make(UINT64_C(0x9e3779b97f4a7c15) * (i + 1), id);
		key_text_make(text_of(id), random, key);
		key_story_add_line(&lines, key, "web", "roles=app,support acts-for=any");
	}
	text = (struct text){ lines.ptr, lines.len };
	key_store_tell(store, KEYRING_IN_USE, 0, &text);
	buf_fini(&lines);
	settings.keyring = key_store_snapshot(store);
	buf_string(header, key);
}

static void callers_on_unknown_key(void *arg)
{
	(void)arg;
}

/* As issuers make them, from the claims they have in common. */
static struct text callers_token(void)
{
	long long now_s = clock_wall_us() / US_PER_S;
	char claims[600];

	snprintf(claims, sizeof(claims),
		 "{\"iss\":\"https://id.example\",\"aud\":\"shop\",\"sub\":\"u42\",\"azp\":\"web\","
		 "\"iat\":%lld,\"exp\":%lld,\"jti\":\"8f14e45f-ceea-467f-a0e6-0d1f3b7c2a55\","
		 "\"scope\":\"openid\",\"roles\":[\"app\",\"support\"]}",
		 now_s, now_s + 3600);
	return jwt_story_sign(JWS_RS256, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"rsa\"}",
			      claims);
}

static void callers_show_token(struct buf *header)
{
	static struct jwt_verifier_settings jwt;
	static struct jwk_set set;
	struct text token = callers_token();

	jwt_story_set(JWT_STORY_KEYS, &set);
	jwt = (struct jwt_verifier_settings){ .policy = jwt_story_policy,
					      .keys = snapshot_new(sizeof(set)),
					      .on_unknown_key = callers_on_unknown_key };
	jwt.policy.acts_for = ACTS_FOR_ANY;
	snapshot_publish(jwt.keys, &set);
	settings.jwt = &jwt;
	buf_add(header, token.ptr, token.len);
}

/* The token is verified here, so that it was seen before, whatever is counted then. */
static void callers_verify(struct auth *auth, const char *header)
{
	static struct head head;
	const struct auth_asked asked = { .head = &head, .now_s = clock_wall_us() / US_PER_S };
	const char *value = strchr(header, ':') + 2;
	struct auth_answer answer;
	struct arena arena;

	arena_init(&arena);
	head_add(&head, TEXT("authorization"), (struct text){ value, strcspn(value, "\r") });
	answer = authenticate(auth, &asked, &arena);
	assert(answer.outcome == OUTCOME_OK);
	arena_fini(&arena);
}

static const char *callers_header(void (*show)(struct buf *header))
{
	struct buf line;

	buf_init(&line);
	buf_literal(&line, "Authorization: Bearer ");
	show(&line);
	buf_literal(&line, "\r\n");
	buf_byte(&line, '\0');
	return line.ptr;
}

bool replay_callers(const char *what, struct auth **auth, const char **header)
{
	const char *key, *token;
	struct auth *made;

	/* Without fast bins: what is freed at the end of the heap makes malloc tidy those up, and
	 * whether that is each time depends on what was allocated long before. */
	(void)mallopt(M_MXFAST, 0);
	key = callers_header(callers_show_key);
	token = callers_header(callers_show_token);
	settings.mode = AUTH_REQUIRED;
	made = auth_new(&settings);
	callers_verify(made, token);
	*auth = strncmp(what, "no-", 3) == 0 ? NULL : made;
	*header = strstr(what, "key") ? key : token;
	if (strcmp(what, "none") == 0) {
		*auth = NULL;
		*header = "";
		return true;
	}
	return strcmp(what, "key") == 0 || strcmp(what, "jwt") == 0 ||
	       strcmp(what, "no-key") == 0 || strcmp(what, "no-jwt") == 0;
}
