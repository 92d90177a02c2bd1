/* SPDX-License-Identifier: Apache-2.0 */
/* Without printf: each request makes one. */
#include "http/request_id.h"

#include <stdint.h>
#include <string.h>

/* Eight digits at once, each in a byte of its own. */
static void request_id_write(char *out, uint32_t bits)
{
	uint64_t digits = (bits | (uint64_t)bits << 16) & UINT64_C(0x0000ffff0000ffff);
	uint64_t letters;

	digits = (digits | digits << 8) & UINT64_C(0x00ff00ff00ff00ff);
	digits = (digits | digits << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	letters = (digits + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
	digits += UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
	memcpy(out, &digits, sizeof(digits));
}

void request_id_make(struct random *random, char *id)
{
	for (unsigned i = 0; i < 4; i += 2) {
		uint64_t bits = random_next(random);

		request_id_write(id + 8 * i, (uint32_t)bits);
		request_id_write(id + 8 * i + 8, (uint32_t)(bits >> 32));
	}
	id[32] = '\0';
}
