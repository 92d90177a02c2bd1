/* SPDX-License-Identifier: Apache-2.0 */
/* The key is scheduled once; each signature starts from there. */
/* SHA256_Init and its kin are deprecated in favour of EVP, and stay: see struct hasher. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/sign.h"

#include "base/log.h"

#include <assert.h>
#include <endian.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

struct signer {
	EVP_MAC_CTX *keyed;
};

struct signer *signer_new(const uint8_t key[SIGN_KEY_BYTES])
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};
	struct signer *signer = malloc(sizeof(*signer));
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	if (!signer || !hmac)
		log_fatal("sign", "OpenSSL has no HMAC or no memory");
	signer->keyed = EVP_MAC_CTX_new(hmac);
	if (!signer->keyed || !EVP_MAC_init(signer->keyed, key, SIGN_KEY_BYTES, params))
		log_fatal("sign", "OpenSSL cannot take the key");
	EVP_MAC_free(hmac);
	return signer;
}

void signer_free(struct signer *signer)
{
	EVP_MAC_CTX_free(signer->keyed);
	free(signer);
}

void signer_sign(struct signer *signer, const void *ptr, size_t len, uint8_t mac[SIGN_MAC_BYTES])
{
	uint8_t whole[SHA256_BYTES];
	size_t whole_len = 0;
	/* Without a key: back to where the context was with the one it has. */
	int good = EVP_MAC_init(signer->keyed, NULL, 0, NULL) &&
		   EVP_MAC_update(signer->keyed, ptr, len) &&
		   EVP_MAC_final(signer->keyed, whole, &whole_len, sizeof(whole));

	assert(good);
	assert(whole_len == SHA256_BYTES);
	memcpy(mac, whole, SIGN_MAC_BYTES);
}

bool signer_verify(struct signer *signer, const void *ptr, size_t len,
		   const uint8_t mac[SIGN_MAC_BYTES])
{
	uint8_t right[SIGN_MAC_BYTES];

	signer_sign(signer, ptr, len, right);
	return CRYPTO_memcmp(right, mac, SIGN_MAC_BYTES) == 0;
}

void sha256(const void *ptr, size_t len, uint8_t out[SHA256_BYTES])
{
	unsigned out_len = 0;
	int good = EVP_Digest(ptr, len, out, &out_len, EVP_sha256(), NULL);

	assert(good);
	assert(out_len == SHA256_BYTES);
}

/*
 * By the functions below EVP, which takes a third of a short text's time for itself. What fits one
 * block with its length is padded here.
 */
struct hasher {
	SHA256_CTX context;
	uint8_t block[SHA256_CBLOCK];
};

#define BLOCK_TEXT_MAX (SHA256_CBLOCK - 9) /* bytes of a text in one block: a bit, a length */

struct hasher *hasher_new(void)
{
	struct hasher *hasher = calloc(1, sizeof(*hasher));

	if (!hasher)
		log_fatal("sign", "no memory");
	return hasher;
}

void hasher_free(struct hasher *hasher)
{
	free(hasher);
}

static void hasher_block(struct hasher *hasher, const void *ptr, size_t len,
			 uint8_t out[SHA256_BYTES])
{
	uint64_t bits = htobe64(len * 8);
	uint8_t *block = hasher->block;

	memset(block, 0, SHA256_CBLOCK);
	if (len)
		memcpy(block, ptr, len);
	block[len] = 0x80;
	memcpy(block + SHA256_CBLOCK - sizeof(bits), &bits, sizeof(bits));
	SHA256_Transform(&hasher->context, block);
	explicit_bzero(block, SHA256_CBLOCK);
	for (size_t i = 0; i < SHA256_BYTES / 4; i++) {
		uint32_t word = htobe32(hasher->context.h[i]);

		memcpy(out + 4 * i, &word, sizeof(word));
	}
}

void hasher_sha256(struct hasher *hasher, const void *ptr, size_t len, uint8_t out[SHA256_BYTES])
{
	int good = SHA256_Init(&hasher->context);

	if (good && len <= BLOCK_TEXT_MAX)
		hasher_block(hasher, ptr, len, out);
	else
		good = good && SHA256_Update(&hasher->context, ptr, len) &&
		       SHA256_Final(out, &hasher->context);
	assert(good);
}

bool digests_equal(const uint8_t a[SHA256_BYTES], const uint8_t b[SHA256_BYTES])
{
	/* volatile: the compiler may not end the loop at the first difference. */
	volatile uint64_t differ = 0;
	uint64_t x, y;

	for (size_t at = 0; at < SHA256_BYTES; at += sizeof(x)) {
		memcpy(&x, a + at, sizeof(x));
		memcpy(&y, b + at, sizeof(y));
		differ |= x ^ y;
	}
	return differ == 0;
}
