/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three parts of base64url; the payload is not read as JSON before its signature was found good.
 * JSON is read by base/json.h: no name twice, bounded depth, UTF-8.
 */
#include "http/auth/jwt.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "http/head/head.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define JWT_TIME_S_MAX 253402300799.0 /* the end of the year 9999 */

struct jwt_key {
	struct text kid; /* len 0: it has no name */
	struct jws_key *key;
};

struct jwt_keys {
	unsigned count;
	struct jwt_key keys[JWK_KEYS_MAX];
	char kids[JWK_KEYS_MAX * JWK_KID_BYTES_MAX];
};

bool jwt_was_verified(enum jwt_verdict verdict)
{
	return verdict == JWT_OK || verdict == JWT_SIGNATURE || verdict == JWT_UNKNOWN_KEY;
}

const char *jwt_reason(enum jwt_verdict verdict)
{
	static const char *const reasons[] = {
#define JWT(name, reason, text) [JWT_##name] = reason,
#include "http/auth/jwt_verdict.def"
#undef JWT
	};

	assert(verdict < JWT_VERDICTS);
	return reasons[verdict];
}

const char *jwt_verdict_text(enum jwt_verdict verdict)
{
	static const char *const texts[] = {
#define JWT(name, reason, text) [JWT_##name] = text,
#include "http/auth/jwt_verdict.def"
#undef JWT
	};

	assert(verdict < JWT_VERDICTS);
	return texts[verdict];
}

/* --- keys ---- */

struct jwt_keys *jwt_keys_new(const struct jwk_set *set)
{
	struct jwt_keys *keys = calloc(1, sizeof(*keys));
	char *kids;

	if (!keys)
		log_fatal("auth", "out of memory");
	kids = keys->kids;
	for (uint32_t i = 0; i < set->count; i++) {
		const struct jwk *jwk = &set->keys[i];
		struct jwt_key *key = &keys->keys[keys->count];
		const char *why;

		key->key = jws_key_new(&jwk->material, &why);
		if (!key->key)
			continue; /* not of a set that jwk.h has read */
		key->kid = (struct text){ kids, jwk->kid_len };
		memcpy(kids, jwk->kid, jwk->kid_len);
		kids += jwk->kid_len;
		keys->count++;
	}
	return keys;
}

void jwt_keys_free(struct jwt_keys *keys)
{
	if (!keys)
		return;
	for (unsigned i = 0; i < keys->count; i++)
		jws_key_free(keys->keys[i].key);
	free(keys);
}

/* --- the token and its header ---- */

struct jwt_parts {
	struct text header, payload, signature; /* as they are written */
	struct text signed_text;                /* the first two, with the dot between */
};

/* What the header says; kid is borrowed from its JSON. */
struct jwt_header {
	enum jws_algorithm algorithm;
	struct text kid; /* len 0: none */
};

static bool jwt_split(struct text token, struct jwt_parts *parts)
{
	const char *end = token.ptr + token.len;
	const char *first = memchr(token.ptr, '.', token.len), *second;

	if (!first)
		return false;
	second = memchr(first + 1, '.', (size_t)(end - first - 1));
	if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
		return false;
	parts->header = (struct text){ token.ptr, (size_t)(first - token.ptr) };
	parts->payload = (struct text){ first + 1, (size_t)(second - first - 1) };
	parts->signature = (struct text){ second + 1, (size_t)(end - second - 1) };
	parts->signed_text = (struct text){ token.ptr, (size_t)(second - token.ptr) };
	return parts->header.len && parts->payload.len && parts->signature.len;
}

/* NULL: no base64url of a JSON object. The caller frees it. */
static struct json *jwt_object(struct text part, struct arena *arena)
{
	char *bytes = arena_alloc(arena, part.len);
	struct json_error error;
	struct json *json;
	size_t len;

	if (!base64url_decode(part, bytes, part.len, &len))
		return NULL;
	json = json_read((struct text){ bytes, len }, &error);
	if (json && json_kind(json) != JSON_OBJECT) {
		json_free(json);
		return NULL;
	}
	return json;
}

/* ptr NULL: absent, or no string. */
static struct text jwt_string(const struct json *object, const char *name)
{
	const struct json *member = json_get(object, name);

	if (!member || json_kind(member) != JSON_STRING)
		return (struct text){ NULL, 0 };
	return json_text(member);
}

/* RFC 7519 (5.1) and RFC 9068: JWT or access token. What signs a logout is no way in. */
static bool jwt_is_type(const struct json *header)
{
	struct text type = jwt_string(header, "typ");

	if (!json_get(header, "typ"))
		return true;
	if (!type.ptr)
		return false;
	return text_is_caseless(type, "jwt") || text_is_caseless(type, "at+jwt") ||
	       text_is_caseless(type, "application/jwt") ||
	       text_is_caseless(type, "application/at+jwt");
}

static enum jwt_verdict jwt_read_header(const struct json *json, struct jwt_header *header)
{
	struct text algorithm = jwt_string(json, "alg");

	header->kid = jwt_string(json, "kid");
	if (!algorithm.ptr || (json_get(json, "kid") && !header->kid.ptr))
		return JWT_MALFORMED;
	if (json_get(json, "crit"))
		return JWT_CRITICAL;
	if (!jwt_is_type(json))
		return JWT_TYPE;
	return jws_algorithm_parse(algorithm, &header->algorithm) ? JWT_OK : JWT_ALGORITHM;
}

/* --- its signature ---- */

/* Where either of them has no name, it may be that key. */
static bool jwt_may_be_of(const struct jwt_header *header, const struct jwt_key *key)
{
	return !header->kid.len || !key->kid.len || text_equal(header->kid, key->kid);
}

/* What it is when no key has verified it. named: its kid is that of a key of its algorithm. */
static enum jwt_verdict jwt_not_verified(unsigned candidates, unsigned of_algorithm, bool named)
{
	if (!candidates)
		return JWT_UNKNOWN_KEY;
	if (!of_algorithm)
		return JWT_ALGORITHM;
	return named ? JWT_SIGNATURE : JWT_UNKNOWN_KEY;
}

static enum jwt_verdict jwt_check_signature(const struct jwt_keys *keys,
					    const struct jwt_parts *parts,
					    const struct jwt_header *header)
{
	uint8_t signature[JWS_KEY_BYTES_MAX];
	unsigned candidates = 0, of_algorithm = 0;
	bool named = false;
	size_t len;

	if (!base64url_decode(parts->signature, signature, sizeof(signature), &len))
		return JWT_MALFORMED;
	for (unsigned i = 0; i < keys->count && of_algorithm < JWT_KEYS_TRIED_MAX; i++) {
		const struct jwt_key *key = &keys->keys[i];

		if (!jwt_may_be_of(header, key))
			continue;
		candidates++;
		if (jws_key_algorithm(key->key) != header->algorithm)
			continue;
		of_algorithm++;
		named |= header->kid.len && key->kid.len;
		if (jws_verify(key->key, parts->signed_text, signature, len))
			return JWT_OK;
	}
	return jwt_not_verified(candidates, of_algorithm, named);
}

/* --- what it claims ---- */

struct jwt_claims {
	const struct json *json;
	const struct jwt_policy *policy;
	int64_t now_us;
	struct arena *arena;
	struct principal *principal;
};

/* Of a name of text, which may hold NULs in theory only. NULL: there is none. */
static const struct json *jwt_claim(const struct jwt_claims *claims, struct text name)
{
	for (const struct json *it = json_first(claims->json); it; it = json_next(it))
		if (text_equal(json_key(it), name))
			return it;
	return NULL;
}

static enum jwt_verdict jwt_check_issuer(const struct jwt_claims *claims)
{
	struct text issuer = jwt_string(claims->json, "iss");

	if (!issuer.ptr || !text_equal(issuer, claims->policy->issuer))
		return JWT_ISSUER;
	claims->principal->scope = arena_text(claims->arena, issuer);
	return JWT_OK;
}

static enum jwt_verdict jwt_check_audience(const struct jwt_claims *claims)
{
	const struct json *audience = json_get(claims->json, "aud");
	bool found = false;

	if (audience && json_kind(audience) == JSON_STRING)
		return text_equal(json_text(audience), claims->policy->audience) ? JWT_OK
										 : JWT_AUDIENCE;
	if (!audience || json_kind(audience) != JSON_ARRAY)
		return JWT_AUDIENCE;
	for (const struct json *it = json_first(audience); it; it = json_next(it)) {
		if (json_kind(it) != JSON_STRING)
			return JWT_AUDIENCE;
		found |= text_equal(json_text(it), claims->policy->audience);
	}
	return found ? JWT_OK : JWT_AUDIENCE;
}

/* May it stand for a user? Not empty, not too long, no control characters. */
static bool jwt_is_name(const struct json *value)
{
	struct text name;

	if (!value || json_kind(value) != JSON_STRING)
		return false;
	name = json_text(value);
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7f)
			return false;
	return name.len >= 1 && name.len <= USER_BYTES_MAX;
}

static enum jwt_verdict jwt_check_subject(const struct jwt_claims *claims)
{
	const struct json *value = json_get(claims->json, "sub");
	struct principal *principal = claims->principal;
	struct text subject;

	if (!jwt_is_name(value))
		return JWT_SUBJECT;
	subject = json_text(value);
	principal->id =
		text_of(arena_printf(claims->arena, "jwt:%.*s:%.*s", (int)principal->scope.len,
				     principal->scope.ptr, (int)subject.len, subject.ptr));
	return JWT_OK;
}

/* Absent, or a number of seconds since 1970; microseconds. False: it is neither. */
static bool jwt_time(const struct jwt_claims *claims, const char *name, int64_t absent_us,
		     int64_t *us)
{
	const struct json *value = json_get(claims->json, name);
	double seconds;

	*us = absent_us;
	if (!value)
		return true;
	if (json_kind(value) != JSON_NUMBER)
		return false;
	/* The number ends where JSON says that it does: at a comma, a bracket, a blank, a NUL. */
	seconds = strtod(json_source(value).ptr, NULL);
	if (!(seconds >= 0 && seconds <= JWT_TIME_S_MAX))
		return false;
	*us = (int64_t)(seconds * (double)US_PER_S);
	return true;
}

static enum jwt_verdict jwt_check_times(const struct jwt_claims *claims)
{
	int64_t leeway_us = claims->policy->leeway_us, now_us = claims->now_us;
	int64_t expires_us, issued_us, valid_us, from_us;

	if (!jwt_time(claims, "exp", -1, &expires_us) || expires_us < 0 ||
	    !jwt_time(claims, "iat", -1, &issued_us) || !jwt_time(claims, "nbf", 0, &valid_us))
		return JWT_LIFETIME;
	if (now_us >= expires_us + leeway_us)
		return JWT_EXPIRED;
	if (valid_us > now_us + leeway_us || issued_us > now_us + leeway_us)
		return JWT_NOT_YET;
	/* Of one that does not say when it was issued, what remains counts. */
	from_us = issued_us < 0 ? now_us + leeway_us : issued_us;
	if (expires_us - from_us > JWT_LIFETIME_US_MAX)
		return JWT_LIFETIME;
	claims->principal->expires_s = (expires_us + leeway_us + US_PER_S - 1) / US_PER_S;
	return JWT_OK;
}

/* As in the catalog (@roles): letters, digits, _ - . */
static bool jwt_is_role(struct text role)
{
	for (size_t i = 0; i < role.len; i++) {
		char c = role.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !byte_is_digit(c) &&
		    c != '_' && c != '-' && c != '.')
			return false;
	}
	return role.len > 0;
}

/* False: there are too many. */
static bool jwt_add_role(const struct jwt_claims *claims, struct text *roles, struct text role)
{
	struct principal *principal = claims->principal;

	if (!jwt_is_role(role))
		return true;
	if (principal->roles_count == JWT_ROLES_MAX)
		return false;
	roles[principal->roles_count++] = arena_text(claims->arena, role);
	return true;
}

/* At most so many roles can be in that value: 0 where it is neither array nor string. */
static size_t jwt_roles_room(const struct json *value)
{
	size_t room = 0;

	if (json_kind(value) == JSON_ARRAY)
		room = json_length(value);
	else if (json_kind(value) == JSON_STRING)
		room = json_text(value).len / 2 + 1;
	return room < JWT_ROLES_MAX ? room : JWT_ROLES_MAX;
}

static bool jwt_read_roles(const struct jwt_claims *claims, const struct json *value,
			   struct text *roles)
{
	struct text list, role;

	if (json_kind(value) == JSON_ARRAY) {
		for (const struct json *it = json_first(value); it; it = json_next(it))
			if (json_kind(it) != JSON_STRING ||
			    !jwt_add_role(claims, roles, json_text(it)))
				return false;
		return true;
	}
	if (json_kind(value) != JSON_STRING)
		return false;
	list = json_text(value);
	while (text_next(&list, ' ', &role))
		if (!jwt_add_role(claims, roles, role))
			return false;
	return true;
}

static enum jwt_verdict jwt_check_roles(const struct jwt_claims *claims)
{
	const struct json *value = jwt_claim(claims, claims->policy->roles_claim);
	struct text *roles;

	if (!value)
		return JWT_OK;
	roles = arena_zero(claims->arena, jwt_roles_room(value) + 1, sizeof(*roles));
	claims->principal->roles = roles;
	return jwt_read_roles(claims, value, roles) ? JWT_OK : JWT_ROLES;
}

static enum jwt_verdict jwt_check_user(const struct jwt_claims *claims)
{
	const struct json *value = jwt_claim(claims, claims->policy->user_claim);

	claims->principal->acts_for = claims->policy->acts_for;
	if (jwt_is_name(value))
		claims->principal->subject = arena_text(claims->arena, json_text(value));
	else if (claims->policy->acts_for == ACTS_FOR_SELF)
		return JWT_USER;
	return JWT_OK;
}

static enum jwt_verdict jwt_check_claims(const struct jwt_claims *claims)
{
	static enum jwt_verdict (*const checks[])(const struct jwt_claims *claims) = {
		jwt_check_issuer, jwt_check_audience, jwt_check_subject,
		jwt_check_times,  jwt_check_roles,    jwt_check_user,
	};
	enum jwt_verdict verdict = JWT_OK;

	*claims->principal = (struct principal){ .kind = PRINCIPAL_JWT };
	for (size_t i = 0; verdict == JWT_OK && i < sizeof(checks) / sizeof(checks[0]); i++)
		verdict = checks[i](claims);
	claims->principal->claims = arena_text(claims->arena, json_source(claims->json));
	return verdict;
}

/* --- all of it ---- */

static enum jwt_verdict jwt_check_payload(struct jwt_claims *claims, struct text payload)
{
	struct json *json = jwt_object(payload, claims->arena);
	enum jwt_verdict verdict;

	if (!json)
		return JWT_MALFORMED;
	claims->json = json;
	verdict = jwt_check_claims(claims);
	json_free(json);
	return verdict;
}

static enum jwt_verdict jwt_check_parts(const struct jwt_keys *keys, const struct jwt_parts *parts,
					const struct jwt_header *header, struct jwt_claims *claims)
{
	enum jwt_verdict verdict = jwt_check_payload(claims, parts->payload);

	return verdict == JWT_OK ? jwt_check_signature(keys, parts, header) : verdict;
}

enum jwt_verdict jwt_verify(struct jwt_keys *keys, struct text token, int64_t now_s,
			    const struct jwt_policy *policy, struct arena *arena,
			    struct principal *principal)
{
	struct jwt_claims claims = {
		.policy = policy, .now_us = now_s * US_PER_S, .arena = arena, .principal = principal
	};
	struct jwt_parts parts;
	struct jwt_header header;
	enum jwt_verdict verdict;
	struct json *json;

	if (token.len > JWT_BYTES_MAX)
		return JWT_TOO_LONG;
	if (!token.len || !jwt_split(token, &parts))
		return JWT_MALFORMED;
	json = jwt_object(parts.header, arena);
	if (!json)
		return JWT_MALFORMED;
	verdict = jwt_read_header(json, &header);
	if (verdict == JWT_OK)
		verdict = jwt_check_parts(keys, &parts, &header, &claims);
	json_free(json);
	return verdict;
}
