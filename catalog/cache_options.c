/* SPDX-License-Identifier: Apache-2.0 */
/* Each part of @cache is a row; what needs no database is judged here. */
#include "catalog/cache_options.h"

#include "base/clock.h"
#include "catalog/source.h"

#include <string.h>

#define CACHE_LEAST_US US_PER_MS
#define CACHE_MOST_US (30 * US_PER_DAY)

typedef void (*cache_part_read)(struct draft *draft, const struct operation_option *row,
				struct cut value);

static void cache_part_swr(struct draft *draft, const struct operation_option *row,
			   struct cut value)
{
	(void)value_duration(draft, row, value, 0, CACHE_MOST_US, &draft->operation.cache_swr_us);
}

static void cache_part_vary(struct draft *draft, const struct operation_option *row,
			    struct cut value)
{
	static const char *const words[] = { "user", "none" };
	static const enum cache_vary varies[] = { CACHE_VARY_USER, CACHE_VARY_NONE };
	int index;

	if (VALUE_WORD(draft, row, value, words, &index))
		draft->operation.cache_vary = varies[index];
}

static void cache_part_volatile(struct draft *draft, const struct operation_option *row,
				struct cut value)
{
	static const char *const words[] = { "ok" };
	int index;

	if (VALUE_WORD(draft, row, value, words, &index))
		draft->operation.cache_volatile_ok = true;
}

static const char *const cache_parts[] = { "swr", "vary", "volatile" };
static const cache_part_read cache_parts_read[] = { cache_part_swr, cache_part_vary,
						    cache_part_volatile };

#define CACHE_PARTS (sizeof(cache_parts) / sizeof(cache_parts[0]))

/* Its index; CACHE_PARTS: it is none. */
static size_t cache_part_find(struct cut word, struct cut *value)
{
	size_t i = 0;

	while (i < CACHE_PARTS && !value_key(word, cache_parts[i], value))
		i++;
	return i;
}

void cache_option(struct draft *draft, const struct operation_option *row, struct cut value)
{
	bool given[CACHE_PARTS] = { false };
	struct cut rest = value, first = cut_word(&rest), word, part;

	if (cache_part_find(first, &part) < CACHE_PARTS)
		value_wrong(draft, row, (struct cut){ { first.text.ptr, 0 }, first.at },
			    (struct text){ NULL, 0 });
	else if (value_duration(draft, row, first, CACHE_LEAST_US, CACHE_MOST_US,
				&draft->operation.cache_us))
		value = rest;
	else
		return;
	while ((word = cut_word(&value)).text.len > 0) {
		size_t i = cache_part_find(word, &part);

		if (i == CACHE_PARTS || given[i]) {
			value_wrong_key(draft, row, word, cache_parts, CACHE_PARTS);
			continue;
		}
		given[i] = true;
		cache_parts_read[i](draft, row, part);
	}
}

bool cache_option_has_part(struct text name)
{
	for (size_t i = 0; i < CACHE_PARTS; i++)
		if (text_is(name, cache_parts[i]))
			return true;
	return false;
}

/* An answer that depends on who asks must not be kept for others. */
void cache_option_finish(struct draft *draft, size_t at)
{
	struct operation *operation = &draft->operation;
	bool asks_user = operation->claims == CATALOG_CLAIMS_SET;

	for (unsigned i = 0; i < draft->params_count; i++)
		asks_user = asks_user || draft->params[i].parameter.is_request_user;
	if (!asks_user || operation->cache_us == 0)
		return;
	if (operation->cache_vary == CACHE_VARY_NONE)
		source_error(draft->source, at,
			     operation->claims == CATALOG_CLAIMS_SET
				     ? "vary=none, but the operation is @claims"
				     : "vary=none, but the statement uses :request_user");
	operation->cache_vary = CACHE_VARY_USER;
}
