/* SPDX-License-Identifier: Apache-2.0 */
/* The block: 8 bytes number, 4 mark, 4 zeros, all big endian; then 130 bits, of which two are 0. */
#include "write/jobs/job_id.h"

#include "base/block_cipher.h"
#include "base/log.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define JOB_ID_PURPOSE "cqrsd job id 1"
#define JOB_ID_DIGIT_BITS 5

_Static_assert(SIGN_MAC_BYTES == BLOCK_CIPHER_KEY_BYTES, "a signature is the key of the cipher");

static const char job_id_digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct job_ids {
	struct block_cipher *cipher;
};

struct job_block {
	uint64_t n;
	uint32_t mark, zeros;
};
_Static_assert(sizeof(struct job_block) == BLOCK_CIPHER_BYTES, "a job is one block");

struct job_ids *job_ids_new(const uint8_t key[SIGN_KEY_BYTES])
{
	struct signer *signer = signer_new(key);
	struct job_ids *ids = malloc(sizeof(*ids));
	uint8_t own_key[SIGN_MAC_BYTES];

	if (!ids)
		log_fatal("jobs", "no memory");
	signer_sign(signer, JOB_ID_PURPOSE, strlen(JOB_ID_PURPOSE), own_key);
	signer_free(signer);
	ids->cipher = block_cipher_new(own_key);
	return ids;
}

void job_ids_free(struct job_ids *ids)
{
	block_cipher_free(ids->cipher);
	free(ids);
}

struct job_ids *job_ids_renew(struct job_ids **ids, uint8_t known[SIGN_KEY_BYTES],
			      const uint8_t key[SIGN_KEY_BYTES])
{
	if (*ids && memcmp(known, key, SIGN_KEY_BYTES) == 0)
		return *ids;
	if (*ids)
		job_ids_free(*ids);
	memcpy(known, key, SIGN_KEY_BYTES);
	*ids = job_ids_new(key);
	return *ids;
}

static unsigned __int128 job_id_number(const uint8_t bytes[BLOCK_CIPHER_BYTES])
{
	unsigned __int128 number = 0;

	for (unsigned i = 0; i < BLOCK_CIPHER_BYTES; i++)
		number = number << 8 | bytes[i];
	return number;
}

void job_id_write(struct job_ids *ids, struct job_number number, char out[JOB_ID_CHARS + 1])
{
	struct job_block block = { htobe64((uint64_t)number.n), htobe32((uint32_t)number.mark), 0 };
	uint8_t bytes[BLOCK_CIPHER_BYTES];
	unsigned __int128 rest;

	block_cipher_encrypt(ids->cipher, (const uint8_t *)&block, bytes);
	rest = job_id_number(bytes);
	out[JOB_ID_CHARS] = '\0';
	for (unsigned i = JOB_ID_CHARS; i-- > 0; rest >>= JOB_ID_DIGIT_BITS)
		out[i] = job_id_digits[rest & 31];
}

/* False: it is not 26 digits, or more than 128 bits. */
static bool job_id_bytes(struct text text, uint8_t bytes[BLOCK_CIPHER_BYTES])
{
	unsigned __int128 number = 0;

	if (text.len != JOB_ID_CHARS)
		return false;
	for (unsigned i = 0; i < JOB_ID_CHARS; i++) {
		const char *digit = text.ptr[i] ? strchr(job_id_digits, text.ptr[i]) : NULL;

		if (!digit || (i == 0 && digit - job_id_digits > 7))
			return false;
		number = number << JOB_ID_DIGIT_BITS | (unsigned)(digit - job_id_digits);
	}
	for (unsigned i = BLOCK_CIPHER_BYTES; i-- > 0; number >>= 8)
		bytes[i] = (uint8_t)number;
	return true;
}

bool job_id_read(struct job_ids *ids, struct text text, struct job_number *number)
{
	uint8_t bytes[BLOCK_CIPHER_BYTES];
	struct job_block block;

	if (!job_id_bytes(text, bytes))
		return false;
	block_cipher_decrypt(ids->cipher, bytes, (uint8_t *)&block);
	number->n = (int64_t)be64toh(block.n);
	number->mark = (int32_t)be32toh(block.mark);
	return block.zeros == 0 && number->n > 0;
}
