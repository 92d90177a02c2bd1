/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key is given each time: taking it costs no more than going back to where the context was with
 * the last one, which not every OpenSSL 3.0 can. 128 bits are what it makes when it is not asked
 * for 64.
 */
#include "base/siphash.h"

#include "base/log.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct siphash {
	EVP_MAC_CTX *context;
};

struct siphash *siphash_new(void)
{
	struct siphash *siphash = malloc(sizeof(*siphash));
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);

	if (!siphash || !mac)
		log_fatal("siphash", "OpenSSL has no SipHash or no memory");
	siphash->context = EVP_MAC_CTX_new(mac);
	if (!siphash->context)
		log_fatal("siphash", "no memory");
	EVP_MAC_free(mac);
	return siphash;
}

void siphash_free(struct siphash *siphash)
{
	EVP_MAC_CTX_free(siphash->context);
	free(siphash);
}

void siphash_hash(struct siphash *siphash, const uint8_t key[SIPHASH_KEY_BYTES], const void *ptr,
		  size_t len, uint8_t out[SIPHASH_BYTES])
{
	size_t written = 0;
	int good = EVP_MAC_init(siphash->context, key, SIPHASH_KEY_BYTES, NULL) &&
		   EVP_MAC_update(siphash->context, ptr, len) &&
		   EVP_MAC_final(siphash->context, out, &written, SIPHASH_BYTES);

	assert(good);
	assert(written == SIPHASH_BYTES);
}
