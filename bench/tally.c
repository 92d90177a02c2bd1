/* SPDX-License-Identifier: Apache-2.0 */
/* A short list, searched from its front: the frequent names come first and stay there. */
#include "bench/tally.h"

#include <assert.h>
#include <string.h>

static struct text tally_cut(struct text name)
{
	if (name.len > TALLY_NAME_BYTES_MAX - 1)
		name.len = TALLY_NAME_BYTES_MAX - 1;
	return name;
}

void tally_add(struct tally *tally, struct text name, uint64_t more)
{
	size_t at = 0;

	name = tally_cut(name);
	assert(name.len > 0);
	while (at < tally->count && !text_is(name, tally->rows[at].name))
		at++;
	if (at == TALLY_NAMES_MAX) {
		tally_add(tally, TEXT("others"), more);
		return;
	}
	if (at == tally->count) {
		if (at == TALLY_NAMES_MAX - 1)
			name = TEXT("others");
		memcpy(tally->rows[at].name, name.ptr, name.len);
		tally->rows[at].name[name.len] = '\0';
		tally->count++;
	}
	tally->rows[at].count += more;
}

uint64_t tally_get(const struct tally *tally, struct text name)
{
	name = tally_cut(name);
	for (size_t i = 0; i < tally->count; i++)
		if (text_is(name, tally->rows[i].name))
			return tally->rows[i].count;
	return 0;
}

uint64_t tally_sum(const struct tally *tally)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < tally->count; i++)
		sum += tally->rows[i].count;
	return sum;
}
