/* SPDX-License-Identifier: Apache-2.0 */
/* Each member that decides something is read by itself; `x5c`, `x5u` and the like are not read. */
#include "http/auth/jwk.h"

#include "base/json.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ptr NULL: absent, or no string. */
static struct text jwk_string(const struct json *key, const char *name)
{
	const struct json *member = json_get(key, name);

	if (!member || json_kind(member) != JSON_STRING)
		return (struct text){ NULL, 0 };
	return json_text(member);
}

/* A number, big endian: zeros in front are dropped. False: absent, empty, or too long. */
static bool jwk_number(const struct json *key, const char *name, uint8_t *out, size_t room,
		       uint32_t *len)
{
	uint8_t bytes[JWS_KEY_BYTES_MAX + 1]; /* some put a zero in front of the highest bit */
	struct text text = jwk_string(key, name);
	size_t count, zeros = 0;

	if (!text.ptr || !base64url_decode(text, bytes, sizeof(bytes), &count))
		return false;
	while (zeros < count && bytes[zeros] == 0)
		zeros++;
	if (count == zeros || count - zeros > room)
		return false;
	*len = (uint32_t)(count - zeros);
	memcpy(out, bytes + zeros, *len);
	return true;
}

/* Exactly so many bytes, of which none is dropped. */
static bool jwk_bytes(const struct json *key, const char *name, uint8_t *out, size_t len)
{
	struct text text = jwk_string(key, name);
	size_t count;

	return text.ptr && base64url_decode(text, out, len, &count) && count == len;
}

/* --- what a key is for; NULL: for verifying signatures, as far as it says ---- */

static bool jwk_array_has(const struct json *array, const char *word)
{
	for (const struct json *it = json_first(array); it; it = json_next(it))
		if (json_kind(it) == JSON_STRING && text_is(json_text(it), word))
			return true;
	return false;
}

static const char *jwk_wrong_use(const struct json *key)
{
	const struct json *operations = json_get(key, "key_ops");

	if (json_get(key, "use") && !text_is(jwk_string(key, "use"), "sig"))
		return "\"use\" is not \"sig\"";
	if (operations &&
	    (json_kind(operations) != JSON_ARRAY || !jwk_array_has(operations, "verify")))
		return "\"key_ops\" has no \"verify\"";
	/* Its readers could sign as well. */
	if (json_get(key, "d"))
		return "it holds a private key";
	return NULL;
}

/* --- what a key is; NULL: material is filled ---- */

static const char *jwk_read_rsa(const struct json *key, struct jws_material *material)
{
	material->algorithm = JWS_RS256;
	if (!jwk_number(key, "n", material->bytes, sizeof(material->bytes), &material->len))
		return "\"n\" is no number of at most 8192 bits";
	if (!jwk_number(key, "e", material->exponent, sizeof(material->exponent),
			&material->exponent_len))
		return "\"e\" is no number of at most 64 bits";
	return NULL;
}

static const char *jwk_read_ec(const struct json *key, struct jws_material *material)
{
	material->algorithm = JWS_ES256;
	if (!text_is(jwk_string(key, "crv"), "P-256"))
		return "\"crv\" is not \"P-256\"";
	material->len = 2 * JWS_EC_BYTES;
	if (!jwk_bytes(key, "x", material->bytes, JWS_EC_BYTES) ||
	    !jwk_bytes(key, "y", material->bytes + JWS_EC_BYTES, JWS_EC_BYTES))
		return "\"x\" or \"y\" is not of 32 bytes";
	return NULL;
}

static const char *jwk_read_okp(const struct json *key, struct jws_material *material)
{
	material->algorithm = JWS_EDDSA;
	if (!text_is(jwk_string(key, "crv"), "Ed25519"))
		return "\"crv\" is not \"Ed25519\"";
	material->len = JWS_ED25519_BYTES;
	if (!jwk_bytes(key, "x", material->bytes, JWS_ED25519_BYTES))
		return "\"x\" is not of 32 bytes";
	return NULL;
}

static const char *jwk_read_type(const struct json *key, struct jws_material *material)
{
	struct text type = jwk_string(key, "kty");

	if (text_is(type, "RSA"))
		return jwk_read_rsa(key, material);
	if (text_is(type, "EC"))
		return jwk_read_ec(key, material);
	if (text_is(type, "OKP"))
		return jwk_read_okp(key, material);
	if (text_is(type, "oct"))
		return "a secret belongs into the file of --jwt-secret-file";
	return "\"kty\" is not \"RSA\", \"EC\" or \"OKP\"";
}

/* `alg` may only say what the key is for anyhow. */
static const char *jwk_wrong_algorithm(const struct json *key, const struct jws_material *material)
{
	enum jws_algorithm algorithm;

	if (!json_get(key, "alg"))
		return NULL;
	if (!jws_algorithm_parse(jwk_string(key, "alg"), &algorithm) ||
	    algorithm != material->algorithm)
		return "\"alg\" is not RS256, ES256 or EdDSA as its type has it";
	return NULL;
}

static const char *jwk_read_kid(const struct json *key, struct jwk *jwk)
{
	const struct json *member = json_get(key, "kid");
	struct text kid;

	if (!member)
		return NULL;
	if (json_kind(member) != JSON_STRING)
		return "\"kid\" is no string";
	kid = json_text(member);
	if (kid.len > JWK_KID_BYTES_MAX)
		return "\"kid\" is longer than 256 bytes";
	jwk->kid_len = (uint32_t)kid.len;
	memcpy(jwk->kid, kid.ptr, kid.len);
	return NULL;
}

/* NULL: it is filled, and OpenSSL makes a key of it. */
static const char *jwk_read(const struct json *key, struct jwk *jwk)
{
	const char *wrong;
	struct jws_key *made;

	memset(jwk, 0, sizeof(*jwk));
	if (json_kind(key) != JSON_OBJECT)
		return "it is no object";
	wrong = jwk_wrong_use(key);
	if (!wrong)
		wrong = jwk_read_type(key, &jwk->material);
	if (!wrong)
		wrong = jwk_wrong_algorithm(key, &jwk->material);
	if (!wrong)
		wrong = jwk_read_kid(key, jwk);
	if (wrong)
		return wrong;
	made = jws_key_new(&jwk->material, &wrong);
	if (!made)
		return wrong;
	jws_key_free(made);
	return NULL;
}

/* --- sets ---- */

static void jwk_leave_out(const struct json *key, size_t number, const char *why, struct buf *lines)
{
	struct text kid = { NULL, 0 };

	if (json_kind(key) == JSON_OBJECT)
		kid = jwk_string(key, "kid");
	buf_printf(lines, "key %zu", number);
	if (kid.ptr) {
		buf_literal(lines, " (kid ");
		buf_json_string(lines, kid.ptr,
				kid.len < JWK_KID_BYTES_MAX ? kid.len : JWK_KID_BYTES_MAX);
		buf_byte(lines, ')');
	}
	buf_printf(lines, ": %s\n", why);
}

static void jwk_set_fill(const struct json *keys, struct jwk_set *set, struct buf *left_out)
{
	size_t number = 1;

	for (const struct json *it = json_first(keys); it; it = json_next(it), number++) {
		const char *wrong = set->count < JWK_KEYS_MAX ? jwk_read(it, &set->keys[set->count])
							      : "there are more than 32";

		if (wrong)
			jwk_leave_out(it, number, wrong, left_out);
		else
			set->count++;
	}
	/* What the last ones that were left out have begun to fill. */
	if (set->count < JWK_KEYS_MAX)
		memset(&set->keys[set->count], 0, sizeof(set->keys[0]));
}

bool jwk_set_read(struct text text, struct jwk_set *set, struct buf *left_out, char *error,
		  size_t error_room)
{
	struct json_error wrong;
	struct json *json;
	const struct json *keys = NULL;

	memset(set, 0, sizeof(*set));
	if (text.len > JWKS_BYTES_MAX) {
		snprintf(error, error_room, "more than %d bytes", JWKS_BYTES_MAX);
		return false;
	}
	json = json_read(text, &wrong);
	if (!json) {
		snprintf(error, error_room, "no JSON: line %u, column %u: %s", wrong.line,
			 wrong.column, wrong.text);
		return false;
	}
	if (json_kind(json) == JSON_OBJECT)
		keys = json_get(json, "keys");
	if (!keys || json_kind(keys) != JSON_ARRAY) {
		snprintf(error, error_room, "no JWK Set: an object with an array \"keys\"");
		json_free(json);
		return false;
	}
	jwk_set_fill(keys, set, left_out);
	json_free(json);
	if (!set->count)
		snprintf(error, error_room, "no key in it verifies RS256, ES256 or EdDSA");
	return set->count > 0;
}

bool jwk_set_secret(struct text secret, struct jwk_set *set, char *error, size_t error_room)
{
	struct jws_material *material = &set->keys[0].material;

	memset(set, 0, sizeof(*set));
	if (secret.len < JWS_SECRET_BYTES_MIN || secret.len > JWS_KEY_BYTES_MAX) {
		snprintf(error, error_room, "a secret of %zu bytes: %d to %d are good", secret.len,
			 JWS_SECRET_BYTES_MIN, JWS_KEY_BYTES_MAX);
		return false;
	}
	material->algorithm = JWS_HS256;
	material->len = (uint32_t)secret.len;
	memcpy(material->bytes, secret.ptr, secret.len);
	set->count = 1;
	return true;
}
