/* SPDX-License-Identifier: Apache-2.0 */
/* A value may be quoted, and that may have commas. Of several directives the strictest counts. */
#include "http/head/cache_control.h"

#include "base/clock.h"

#include <string.h>

#define CACHE_CONTROL_AGE_MAX_S INT64_C(2147483648) /* RFC 9111, 1.2.2 */

static const char cache_control_name[] = "cache-control";

/* Takes what stands in front of one of those bytes, or all. */
static struct text cache_control_cut(struct text *list, const char *ends)
{
	struct text cut = { list->ptr, 0 };

	while (cut.len < list->len && !(list->ptr[cut.len] && strchr(ends, list->ptr[cut.len])))
		cut.len++;
	list->ptr += cut.len;
	list->len -= cut.len;
	return text_trim(cut);
}

static void cache_control_pass(struct text *list)
{
	list->ptr++;
	list->len--;
}

/* What is between the quotes, the first of which is at the front. */
static struct text cache_control_quoted(struct text *list)
{
	struct text value;

	cache_control_pass(list);
	value = (struct text){ list->ptr, 0 };
	while (list->len && *list->ptr != '"') {
		if (*list->ptr == '\\' && list->len > 1)
			cache_control_pass(list);
		cache_control_pass(list);
	}
	value.len = (size_t)(list->ptr - value.ptr);
	return value;
}

/* Takes the first directive; value: ptr NULL without one. False: there is none. */
static bool cache_control_next(struct text *list, struct text *name, struct text *value)
{
	if (!list->len)
		return false;
	*name = cache_control_cut(list, ",=");
	*value = (struct text){ NULL, 0 };
	if (list->len && *list->ptr == '=') {
		cache_control_pass(list);
		*list = text_trim(*list);
		*value = list->len && *list->ptr == '"' ? cache_control_quoted(list)
							: cache_control_cut(list, ",");
		(void)cache_control_cut(list, ",");
	}
	if (list->len)
		cache_control_pass(list);
	return true;
}

static int64_t cache_control_age_us(struct text value)
{
	int64_t seconds = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (!byte_is_digit(value.ptr[i]))
			return 0;
		seconds = seconds * 10 + (value.ptr[i] - '0');
		if (seconds > CACHE_CONTROL_AGE_MAX_S)
			seconds = CACHE_CONTROL_AGE_MAX_S;
	}
	return seconds * US_PER_S;
}

static void cache_control_take(struct text name, struct text value, struct request *request)
{
	int64_t age_us;

	if (text_is_caseless(name, "no-cache"))
		request->cache_asks |= CACHE_ASKS_NOW;
	else if (text_is_caseless(name, "no-store"))
		request->cache_asks |= CACHE_ASKS_NO_STORE;
	else if (text_is_caseless(name, "only-if-cached"))
		request->cache_asks |= CACHE_ASKS_KEPT;
	if (!text_is_caseless(name, "max-age"))
		return;
	age_us = cache_control_age_us(value);
	if (!(request->cache_asks & CACHE_ASKS_AGE) || age_us < request->cache_age_us_max)
		request->cache_age_us_max = age_us;
	request->cache_asks |= CACHE_ASKS_AGE;
}

void cache_control_read(const struct head *head, struct request *request)
{
	if (request->kind != REQUEST_QUERY || !head_find(head, cache_control_name))
		return;
	for (size_t i = 0; i < head->count; i++) {
		struct text list = head->headers[i].value, name, value;

		if (!text_is_caseless(head->headers[i].name, cache_control_name))
			continue;
		while (cache_control_next(&list, &name, &value))
			cache_control_take(name, value, request);
	}
}
