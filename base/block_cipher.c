/* SPDX-License-Identifier: Apache-2.0 */
/* The key is scheduled once for each direction; a block is one call of OpenSSL. */
#include "base/block_cipher.h"

#include "base/log.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct block_cipher {
	EVP_CIPHER_CTX *encrypting, *decrypting;
};

static EVP_CIPHER_CTX *block_cipher_keyed(const uint8_t key[BLOCK_CIPHER_KEY_BYTES], int encrypts)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	if (!context || !EVP_CipherInit_ex(context, EVP_aes_128_ecb(), NULL, key, NULL, encrypts) ||
	    !EVP_CIPHER_CTX_set_padding(context, 0))
		log_fatal("cipher", "OpenSSL has no AES or no memory");
	return context;
}

struct block_cipher *block_cipher_new(const uint8_t key[BLOCK_CIPHER_KEY_BYTES])
{
	struct block_cipher *cipher = malloc(sizeof(*cipher));

	if (!cipher)
		log_fatal("cipher", "no memory");
	cipher->encrypting = block_cipher_keyed(key, 1);
	cipher->decrypting = block_cipher_keyed(key, 0);
	return cipher;
}

void block_cipher_free(struct block_cipher *cipher)
{
	EVP_CIPHER_CTX_free(cipher->encrypting);
	EVP_CIPHER_CTX_free(cipher->decrypting);
	free(cipher);
}

static void block_cipher_one(EVP_CIPHER_CTX *context, const uint8_t *in, uint8_t *out)
{
	int len = 0, good = EVP_CipherUpdate(context, out, &len, in, BLOCK_CIPHER_BYTES);

	assert(good);
	assert(len == BLOCK_CIPHER_BYTES);
}

void block_cipher_encrypt(struct block_cipher *cipher, const uint8_t in[BLOCK_CIPHER_BYTES],
			  uint8_t out[BLOCK_CIPHER_BYTES])
{
	block_cipher_one(cipher->encrypting, in, out);
}

void block_cipher_decrypt(struct block_cipher *cipher, const uint8_t in[BLOCK_CIPHER_BYTES],
			  uint8_t out[BLOCK_CIPHER_BYTES])
{
	block_cipher_one(cipher->decrypting, in, out);
}
