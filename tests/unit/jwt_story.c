/* SPDX-License-Identifier: Apache-2.0 */
/* The private halves of the keys, and how they sign. */
#include "jwt_story.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#define STORY_TOKENS 16

#define STORY_RSA_D                                                                                \
	"Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwV"   \
	"ol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj"   \
	"kn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaF"   \
	"QT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ"
#define STORY_EC_D "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define STORY_ED_D "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"

const struct jwt_policy jwt_story_policy = {
	.issuer = { "https://id.example", 18 },
	.audience = { "shop", 4 },
	.roles_claim = { "roles", 5 },
	.user_claim = { "sub", 3 },
	.leeway_us = 30000000,
	.acts_for = ACTS_FOR_SELF,
};

const char jwt_story_claims[] =
	"{\"iss\":\"https://id.example\",\"aud\":\"shop\",\"sub\":\"ann\",\"exp\":1700000600,"
	"\"iat\":1700000000,\"roles\":[\"app\",\"support\"]}";

static size_t story_bytes(const char *text, uint8_t *out, size_t room)
{
	size_t len;
	bool good = base64url_decode(text_of(text), out, room, &len);

	assert(good);
	return len;
}

static BIGNUM *story_number(const char *text)
{
	uint8_t bytes[512];
	BIGNUM *number = BN_bin2bn(bytes, (int)story_bytes(text, bytes, sizeof(bytes)), NULL);

	assert(number);
	return number;
}

static EVP_PKEY *story_from(const char *type, OSSL_PARAM_BLD *build)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY *pkey = NULL;
	int good = EVP_PKEY_fromdata_init(context) == 1 &&
		   EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, params) == 1;

	assert(good);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(context);
	return pkey;
}

static EVP_PKEY *story_rsa(void)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = story_number(JWT_STORY_RSA_N), *e = story_number("AQAB"),
	       *d = story_number(STORY_RSA_D);
	EVP_PKEY *pkey;

	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, d);
	pkey = story_from("RSA", build);
	BN_free(n);
	BN_free(e);
	BN_free(d);
	return pkey;
}

static EVP_PKEY *story_ec(void)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *d = story_number(STORY_EC_D);
	uint8_t point[65] = { 4 };
	EVP_PKEY *pkey;

	story_bytes(JWT_STORY_EC_X, point + 1, 32);
	story_bytes(JWT_STORY_EC_Y, point + 33, 32);
	OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
	OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point));
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d);
	pkey = story_from("EC", build);
	BN_free(d);
	return pkey;
}

static EVP_PKEY *story_ed(void)
{
	uint8_t d[32];

	story_bytes(STORY_ED_D, d, sizeof(d));
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, d, sizeof(d));
}

/* An INTEGER of DER to its last 32 bytes; returns what is behind it. */
static const uint8_t *story_integer(const uint8_t *der, uint8_t out[32])
{
	size_t len = der[1], zeros = len > 32 ? len - 32 : 0;

	memset(out, 0, 32);
	memcpy(out + 32 - (len - zeros), der + 2 + zeros, len - zeros);
	return der + 2 + len;
}

/* The signature of text; returns its length. */
static size_t story_signature(enum jws_algorithm algorithm, struct text text, uint8_t *out)
{
	EVP_PKEY *pkey = algorithm == JWS_RS256   ? story_rsa()
			 : algorithm == JWS_ES256 ? story_ec()
						  : story_ed();
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t made[512];
	size_t len = sizeof(made);
	int good = EVP_DigestSignInit_ex(context, NULL, algorithm == JWS_EDDSA ? NULL : "SHA256",
					 NULL, NULL, pkey, NULL) == 1 &&
		   EVP_DigestSign(context, made, &len, (const uint8_t *)text.ptr, text.len) == 1;

	assert(good);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pkey);
	if (algorithm == JWS_ES256) {
		story_integer(story_integer(made + 2, out), out + 32);
		return 64;
	}
	memcpy(out, made, len);
	return len;
}

static struct buf *story_unsigned(const char *header, const char *claims)
{
	static struct buf tokens[STORY_TOKENS];
	static unsigned next;
	struct buf *token = &tokens[next++ % STORY_TOKENS];

	buf_clear(token);
	buf_base64url(token, header, strlen(header));
	buf_byte(token, '.');
	buf_base64url(token, claims, strlen(claims));
	return token;
}

static struct text story_signed(struct buf *token, const void *signature, size_t len)
{
	buf_byte(token, '.');
	buf_base64url(token, signature, len);
	return (struct text){ token->ptr, token->len };
}

struct text jwt_story_token(const char *header, const char *claims, const void *signature,
			    size_t len)
{
	return story_signed(story_unsigned(header, claims), signature, len);
}

struct text jwt_story_mac(const char *header, const char *claims, const void *key, size_t len)
{
	struct buf *token = story_unsigned(header, claims);
	uint8_t mac[32];

	HMAC(EVP_sha256(), key, (int)len, (const uint8_t *)token->ptr, token->len, mac, NULL);
	return story_signed(token, mac, sizeof(mac));
}

struct text jwt_story_sign(enum jws_algorithm algorithm, const char *header, const char *claims)
{
	uint8_t bytes[512];
	struct buf *token;
	size_t len;

	if (algorithm == JWS_HS256) {
		len = story_bytes(JWT_STORY_HMAC_KEY, bytes, sizeof(bytes));
		return jwt_story_mac(header, claims, bytes, len);
	}
	token = story_unsigned(header, claims);
	len = story_signature(algorithm, (struct text){ token->ptr, token->len }, bytes);
	return story_signed(token, bytes, len);
}

void jwt_story_set(const char *keys, struct jwk_set *set)
{
	struct buf left_out;
	char error[256];
	bool good;

	buf_init(&left_out);
	good = jwk_set_read(text_of(keys), set, &left_out, error, sizeof(error));
	assert(good);
	assert(left_out.len == 0);
	buf_fini(&left_out);
}

void jwt_story_secret(struct jwk_set *set)
{
	uint8_t secret[64];
	char error[256];
	bool good;

	story_bytes(JWT_STORY_HMAC_KEY, secret, sizeof(secret));
	good = jwk_set_secret((struct text){ (const char *)secret, sizeof(secret) }, set, error,
			      sizeof(error));
	assert(good);
}
