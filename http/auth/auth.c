/* SPDX-License-Identifier: Apache-2.0 */
/* Which credential is it, what knows it, and what becomes of one that is not known. */
#include "http/auth/auth.h"

#include "base/log.h"
#include "base/sign.h"
#include "http/auth/credential.h"
#include "http/auth/key_store.h"
#include "http/auth/principal_copy.h"

#include <assert.h>
#include <stdlib.h>

#define NOT_ACCEPTED "The credential is not accepted"

struct auth {
	struct auth_settings settings;
	struct snapshot_reader *keyring;
	struct hasher *hasher;
	struct jwt_verifier *jwt; /* NULL: none is taken */
	bool required;            /* from now on, whatever is published */
};

struct auth *auth_new(const struct auth_settings *settings)
{
	struct auth *auth = calloc(1, sizeof(*auth));

	if (!auth)
		log_fatal("auth", "out of memory");
	auth->settings = *settings;
	if (settings->keyring)
		auth->keyring = snapshot_reader_new(settings->keyring);
	auth->hasher = hasher_new();
	if (settings->jwt)
		auth->jwt = jwt_verifier_new(settings->jwt);
	auth->required = settings->mode == AUTH_REQUIRED;
	return auth;
}

void auth_free(struct auth *auth)
{
	if (auth->keyring)
		snapshot_reader_free(auth->keyring);
	hasher_free(auth->hasher);
	if (auth->jwt)
		jwt_verifier_free(auth->jwt);
	free(auth);
}

static enum keyring_state auth_keyring_state(struct auth *auth)
{
	enum keyring_state state = keyring_state(key_store_enter(auth->keyring));

	snapshot_leave(auth->keyring);
	return state;
}

bool auth_is_open(struct auth *auth)
{
	if (auth->required)
		return false;
	switch (auth_keyring_state(auth)) {
	case KEYRING_NEVER:
	case KEYRING_UNMIGRATED:
		return true;
	case KEYRING_IN_USE:
		auth->required = true;
		return false;
	case KEYRING_UNKNOWN:
		return false;
	}
	assert(!"a state of the keyring");
	return false;
}

/* --- answers ---------------------------------------------------------------------------------- */

static struct auth_answer auth_is(const struct principal *principal)
{
	return (struct auth_answer){ .outcome = OUTCOME_OK, .principal = principal };
}

static struct auth_answer auth_malformed(const char *kind, const char *reason, const char *detail)
{
	return (struct auth_answer){
		.outcome = OUTCOME_BAD_REQUEST, .detail = detail, .kind = kind, .reason = reason
	};
}

static struct auth_answer auth_broken(void)
{
	return auth_malformed("unknown", "malformed", "Authorization must be Bearer and one word");
}

static struct auth_answer auth_keys_unknown(const char *kind)
{
	return (struct auth_answer){ .outcome = OUTCOME_KEYS_UNKNOWN,
				     .detail = "Which credentials count is not known yet",
				     .kind = kind,
				     .reason = "keys-unknown" };
}

static struct auth_answer auth_limited(const char *kind, int64_t wait_us)
{
	return (struct auth_answer){ .outcome = OUTCOME_RATE_LIMITED,
				     .detail = "Too many credentials failed",
				     .kind = kind,
				     .reason = "limited",
				     .retry_after_us = wait_us };
}

/* It failed, which the address pays for. */
static struct auth_answer auth_refused(struct auth *auth, const struct auth_asked *asked,
				       const char *kind, const char *reason)
{
	int64_t wait_us = auth->settings.failures
				  ? auth_failures_count(auth->settings.failures, asked->address,
							asked->now_us)
				  : 0;

	if (wait_us)
		return auth_limited(kind, wait_us);
	return (struct auth_answer){ .outcome = OUTCOME_UNAUTHENTICATED,
				     .detail = NOT_ACCEPTED,
				     .kind = kind,
				     .reason = reason };
}

/* --- kinds of credentials --------------------------------------------------------------------- */

/* A good one always passes: to find out costs no more than to refuse it unseen. */
static struct auth_answer auth_key(struct auth *auth, const struct auth_asked *asked,
				   struct text text, struct arena *arena)
{
	const struct principal *principal = NULL;
	struct text key_id = { NULL, 0 };
	struct auth_answer answer;
	enum key_verdict verdict;
	const struct api_key *key;

	if (!auth->keyring)
		return credential_is_word(text)
			       ? auth_refused(auth, asked, "key", key_verdict_name(KEY_NO_SUCH))
			       : auth_broken();
	verdict = keyring_find(key_store_enter(auth->keyring), auth->hasher, text, asked->now_s,
			       &key);
	if (verdict == KEY_GOOD)
		principal = principal_unpack(key->principal, key->principal_bytes, arena);
	else if (key)
		key_id = arena_text(arena, key->id);
	snapshot_leave(auth->keyring);
	if (principal)
		return auth_is(principal);
	if (!credential_is_word(text))
		return auth_broken();
	if (verdict == KEY_KEYS_UNKNOWN)
		return auth_keys_unknown("key");
	answer = auth_refused(auth, asked, "key", key_verdict_name(verdict));
	answer.key_id = key_id;
	return answer;
}

/* What was verified before passes; a signature is verified only while its address may fail. */
static struct auth_answer auth_jwt(struct auth *auth, const struct auth_asked *asked,
				   struct text text, struct arena *arena)
{
	const struct principal *principal;
	enum jwt_verdict verdict;
	int64_t wait_us = 0;

	principal = jwt_verifier_find(auth->jwt, text, asked->now_s, arena);
	if (principal)
		return auth_is(principal);
	if (!credential_is_word(text))
		return auth_broken();
	if (auth->settings.failures)
		wait_us = auth_failures_wait_us(auth->settings.failures, asked->address,
						asked->now_us);
	if (wait_us)
		return auth_limited("jwt", wait_us);
	verdict = jwt_verifier_check(auth->jwt, text, asked->now_s, arena, &principal);
	if (auth->settings.failures && jwt_was_verified(verdict))
		auth_failures_verified(auth->settings.failures, asked->address, verdict == JWT_OK,
				       asked->now_us);
	if (verdict == JWT_OK)
		return auth_is(principal);
	if (verdict == JWT_KEYS_UNKNOWN)
		return auth_keys_unknown("jwt");
	return auth_refused(auth, asked, "jwt", jwt_reason(verdict));
}

/* Of no kind that is taken here. */
static struct auth_answer auth_other(struct auth *auth, const struct auth_asked *asked,
				     const struct credential *credential)
{
	const char *kind = credential_kind_name(credential->kind);

	if (credential->text.ptr && !credential_is_word(credential->text))
		return auth_broken();
	return auth->required ? auth_refused(auth, asked, kind, "not-taken")
			      : auth_keys_unknown(kind);
}

static struct auth_answer auth_peer(const struct auth_asked *asked)
{
	return auth_is(asked->peer->principal);
}

/* Without a credential. */
static struct auth_answer auth_none(struct auth *auth)
{
	if (auth_is_open(auth))
		return auth_is(&principal_open);
	/* auth_is_open has just found out whether a credential is wanted. */
	return auth->required ? auth_is(&principal_anonymous) : auth_keys_unknown("anonymous");
}

struct auth_answer authenticate(struct auth *auth, const struct auth_asked *asked,
				struct arena *arena)
{
	struct credential credential = credential_find(asked->head);
	bool is_peer = asked->peer && asked->peer->principal;

	if (credential.kind == CREDENTIAL_NONE)
		return is_peer ? auth_peer(asked) : auth_none(auth);
	if (auth_is_open(auth))
		return is_peer ? auth_peer(asked) : auth_is(&principal_open);
	if (is_peer || credential.kind == CREDENTIAL_SEVERAL)
		return auth_malformed("unknown", "several", "There is more than one credential");
	switch (credential.kind) {
	case CREDENTIAL_BROKEN:
		return auth_broken();
	case CREDENTIAL_KEY:
		return auth_key(auth, asked, credential.text, arena);
	case CREDENTIAL_JWT:
		if (auth->jwt)
			return auth_jwt(auth, asked, credential.text, arena);
		/* fall through */
	case CREDENTIAL_UNKNOWN:
		return auth_other(auth, asked, &credential);
	case CREDENTIAL_NONE:
	case CREDENTIAL_SEVERAL:
		break;
	}
	assert(!"handled above");
	return auth_keys_unknown("anonymous");
}
