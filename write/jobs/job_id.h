/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The id of a job as its client sees it: 26 characters of Crockford's base32, which are one AES
 * block of its number in cqrsd.job, its mark and zeros. So no id can be guessed from another one, a
 * column and an index for ids are not needed, and each instance reads the ids of all: the key of
 * the cipher follows from the key that signs tokens, which all instances share.
 */
#pragma once

#include "base/check.h"
#include "base/sign.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define JOB_ID_CHARS 26

/* A row: after a failover its number may be given again, to another job with another mark. */
struct job_number {
	int64_t n; /* from 1 */
	int32_t mark;
};

struct job_ids; /* one thread at a time */

/* key: the one that signs tokens. */
struct job_ids *job_ids_new(const uint8_t key[SIGN_KEY_BYTES]) must_check;
void job_ids_free(struct job_ids *ids);

/* *ids, made anew where the key is not the known one, which is set; *ids may be NULL. */
struct job_ids *job_ids_renew(struct job_ids **ids, uint8_t known[SIGN_KEY_BYTES],
			      const uint8_t key[SIGN_KEY_BYTES]) must_check;

/* NUL-terminated. */
void job_id_write(struct job_ids *ids, struct job_number number, char out[JOB_ID_CHARS + 1]);
/* False: no job ever had this id. There is one text for each id: no small letters. */
bool job_id_read(struct job_ids *ids, struct text text, struct job_number *number) must_check;
