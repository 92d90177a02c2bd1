/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An EVP_PKEY, or for HS256 a MAC that is keyed once, as in base/sign.c. What OpenSSL leaves in its
 * queue of errors is cleared: libpq reads that queue on the same thread.
 */
#include "http/auth/jws.h"

#include "base/log.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#define JWS_SHA256_BYTES 32
#define JWS_DER_BYTES_MAX (2 + 2 * (2 + 1 + JWS_EC_BYTES))

struct jws_key {
	enum jws_algorithm algorithm;
	size_t signature_bytes;
	EVP_PKEY *pkey;      /* NULL: HS256 */
	EVP_MD_CTX *context; /* NULL: HS256 */
	EVP_MAC_CTX *mac;    /* NULL: not HS256 */
};

bool jws_algorithm_parse(struct text name, enum jws_algorithm *algorithm)
{
	static const struct {
		const char *name;
		enum jws_algorithm algorithm;
	} names[] = {
		{ "RS256", JWS_RS256 }, { "ES256", JWS_ES256 },
		{ "EdDSA", JWS_EDDSA }, { "Ed25519", JWS_EDDSA }, /* RFC 9864 */
		{ "HS256", JWS_HS256 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (text_is(name, names[i].name)) {
			*algorithm = names[i].algorithm;
			return true;
		}
	}
	return false;
}

/* --- keys ------------------------------------------------------------------------------------ */

/* Takes the parameters. NULL: OpenSSL makes no key of that type of them. */
static EVP_PKEY *jws_pkey_from(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (!context || !params)
		log_fatal("auth", "OpenSSL has no %s or no memory", type);
	if (EVP_PKEY_fromdata_init(context) <= 0 ||
	    EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		pkey = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(context);
	return pkey;
}

static const char *jws_rsa_is_weak(const BIGNUM *modulus, const BIGNUM *exponent)
{
	if (BN_num_bits(modulus) < JWS_RSA_BITS_MIN)
		return "an RSA modulus of less than 2048 bits";
	if (!BN_is_odd(modulus))
		return "an RSA modulus that is even";
	if (!BN_is_odd(exponent) || BN_is_one(exponent))
		return "an RSA exponent of 1, or an even one";
	return NULL;
}

static EVP_PKEY *jws_rsa(const struct jws_material *material, const char **why)
{
	BIGNUM *modulus = BN_bin2bn(material->bytes, (int)material->len, NULL);
	BIGNUM *exponent = BN_bin2bn(material->exponent, (int)material->exponent_len, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *pkey = NULL;

	if (!modulus || !exponent || !build ||
	    !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) ||
	    !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent))
		log_fatal("auth", "out of memory");
	*why = jws_rsa_is_weak(modulus, exponent);
	if (!*why) {
		pkey = jws_pkey_from("RSA", OSSL_PARAM_BLD_to_param(build));
		*why = "no RSA key";
	}
	OSSL_PARAM_BLD_free(build);
	BN_free(modulus);
	BN_free(exponent);
	return pkey;
}

static EVP_PKEY *jws_p256(const struct jws_material *material, const char **why)
{
	uint8_t point[1 + 2 * JWS_EC_BYTES] = { 0x04 }; /* not compressed */
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *pkey;

	*why = "no point of P-256";
	if (material->len != 2 * JWS_EC_BYTES) {
		OSSL_PARAM_BLD_free(build);
		return NULL;
	}
	memcpy(point + 1, material->bytes, sizeof(point) - 1);
	if (!build ||
	    !OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ||
	    !OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)))
		log_fatal("auth", "out of memory");
	/* Says no to what is not on the curve. */
	pkey = jws_pkey_from("EC", OSSL_PARAM_BLD_to_param(build));
	OSSL_PARAM_BLD_free(build);
	return pkey;
}

static EVP_PKEY *jws_ed25519(const struct jws_material *material, const char **why)
{
	*why = "no Ed25519 key";
	if (material->len != JWS_ED25519_BYTES)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, material->bytes, material->len);
}

static EVP_MAC_CTX *jws_hmac(const struct jws_material *material, const char **why)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac;
	EVP_MAC_CTX *mac;

	*why = "a secret of less than 32 bytes";
	if (material->len < JWS_SECRET_BYTES_MIN)
		return NULL;
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	if (!mac || !EVP_MAC_init(mac, material->bytes, material->len, params))
		log_fatal("auth", "OpenSSL has no HMAC or no memory");
	EVP_MAC_free(hmac);
	return mac;
}

/* pkey or mac, and how long a signature is; both NULL: why says it. */
static void jws_key_make(struct jws_key *key, const struct jws_material *material, const char **why)
{
	switch (material->algorithm) {
	case JWS_RS256:
		key->pkey = jws_rsa(material, why);
		key->signature_bytes = key->pkey ? (size_t)EVP_PKEY_get_size(key->pkey) : 0;
		return;
	case JWS_ES256:
		key->pkey = jws_p256(material, why);
		key->signature_bytes = (size_t)2 * JWS_EC_BYTES;
		return;
	case JWS_EDDSA:
		key->pkey = jws_ed25519(material, why);
		key->signature_bytes = 64;
		return;
	case JWS_HS256:
		key->mac = jws_hmac(material, why);
		key->signature_bytes = JWS_SHA256_BYTES;
		return;
	}
	assert(!"an algorithm");
}

struct jws_key *jws_key_new(const struct jws_material *material, const char **why)
{
	struct jws_key *key = calloc(1, sizeof(*key));

	assert(material->len <= JWS_KEY_BYTES_MAX);
	assert(material->exponent_len <= JWS_EXPONENT_BYTES_MAX);
	if (!key)
		log_fatal("auth", "out of memory");
	key->algorithm = material->algorithm;
	jws_key_make(key, material, why);
	if (!key->pkey && !key->mac) {
		ERR_clear_error();
		free(key);
		return NULL;
	}
	key->context = key->pkey ? EVP_MD_CTX_new() : NULL;
	if (key->pkey && !key->context)
		log_fatal("auth", "out of memory");
	return key;
}

void jws_key_free(struct jws_key *key)
{
	EVP_MAC_CTX_free(key->mac);
	EVP_MD_CTX_free(key->context);
	EVP_PKEY_free(key->pkey);
	free(key);
}

enum jws_algorithm jws_key_algorithm(const struct jws_key *key)
{
	return key->algorithm;
}

/* --- signatures ------------------------------------------------------------------------------ */

static bool jws_verify_mac(struct jws_key *key, struct text signed_text, const uint8_t *signature)
{
	uint8_t right[JWS_SHA256_BYTES];
	size_t right_len = 0;
	/* Without a key: back to where the context was with the one it has. */
	int good = EVP_MAC_init(key->mac, NULL, 0, NULL) &&
		   EVP_MAC_update(key->mac, (const uint8_t *)signed_text.ptr, signed_text.len) &&
		   EVP_MAC_final(key->mac, right, &right_len, sizeof(right));

	assert(good);
	assert(right_len == sizeof(right));
	return CRYPTO_memcmp(right, signature, sizeof(right)) == 0;
}

static bool jws_is_zero(const uint8_t number[JWS_EC_BYTES])
{
	uint8_t any = 0;

	for (size_t i = 0; i < JWS_EC_BYTES; i++)
		any |= number[i];
	return any == 0;
}

/* An INTEGER of DER: no zeros in front but the one that keeps it from being negative. */
static size_t jws_der_integer(const uint8_t number[JWS_EC_BYTES], uint8_t *out)
{
	size_t zeros = 0, sign;

	while (zeros < JWS_EC_BYTES - 1 && number[zeros] == 0)
		zeros++;
	sign = number[zeros] >> 7;
	*out++ = 0x02;
	*out++ = (uint8_t)(sign + JWS_EC_BYTES - zeros);
	if (sign)
		*out++ = 0;
	memcpy(out, number + zeros, JWS_EC_BYTES - zeros);
	return 2 + sign + JWS_EC_BYTES - zeros;
}

/* r and s, one behind the other, to the SEQUENCE that OpenSSL takes; 0: one of them is zero. */
static size_t jws_der(const uint8_t *signature, uint8_t out[JWS_DER_BYTES_MAX])
{
	size_t len;

	if (jws_is_zero(signature) || jws_is_zero(signature + JWS_EC_BYTES))
		return 0;
	len = jws_der_integer(signature, out + 2);
	len += jws_der_integer(signature + JWS_EC_BYTES, out + 2 + len);
	out[0] = 0x30;
	out[1] = (uint8_t)len;
	return 2 + len;
}

static bool jws_verify_pkey(struct jws_key *key, struct text signed_text, const uint8_t *signature,
			    size_t len)
{
	const char *digest = key->algorithm == JWS_EDDSA ? NULL : "SHA256";
	uint8_t der[JWS_DER_BYTES_MAX];
	bool good;

	if (key->algorithm == JWS_ES256) {
		len = jws_der(signature, der);
		signature = der;
		if (!len)
			return false;
	}
	/* 1 is good; 0 and less are not. */
	good = EVP_DigestVerifyInit_ex(key->context, NULL, digest, NULL, NULL, key->pkey, NULL) ==
		       1 &&
	       EVP_DigestVerify(key->context, signature, len, (const uint8_t *)signed_text.ptr,
				signed_text.len) == 1;
	EVP_MD_CTX_reset(key->context);
	if (!good)
		ERR_clear_error();
	return good;
}

bool jws_verify(struct jws_key *key, struct text signed_text, const uint8_t *signature, size_t len)
{
	if (len != key->signature_bytes)
		return false;
	if (key->mac)
		return jws_verify_mac(key, signed_text, signature);
	return jws_verify_pkey(key, signed_text, signature, len);
}
