/* SPDX-License-Identifier: Apache-2.0 */
/* Reads policies word by word. */
#include "base/rate_policy.h"

#include "base/hash.h"
#include "base/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t\r\n"
#define NAME_BYTES_MAX 63
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/"
#define OPERATION_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_."
#define FORM "[operation NAME] [caller] [user] N/s|m|h|d [burst N] [name NAME]"
#define NS_PER_S INT64_C(1000000000)

struct reading {
	struct rate_policy *policy;
	struct arena *arena;
	struct text rest; /* what was not read yet */
	int64_t count;    /* of the rate */
	char *error;
	size_t error_room;
};

/* Always false. */
static bool printf_like(2, 3) wrong(struct reading *reading, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reading->error, reading->error_room, format, args);
	va_end(args);
	return false;
}

static struct text next_word(struct reading *reading)
{
	const char *at = reading->rest.ptr + strspn(reading->rest.ptr, BLANKS);
	struct text word = { at, strcspn(at, BLANKS) };

	reading->rest.ptr = at + word.len;
	return word;
}

/* How much of a word is shown. */
static int shown(struct text word)
{
	return (int)(word.len < 40 ? word.len : 40);
}

static bool is_made_of(struct text word, const char *letters, size_t max)
{
	return word.len > 0 && word.len <= max && strspn(word.ptr, letters) >= word.len;
}

/* A number from 1 to RATE_COUNT_MAX; its length in the word, 0 when it is none. */
static size_t read_count(struct text word, int64_t *count)
{
	size_t len = 0;

	*count = 0;
	while (len < word.len && isdigit((unsigned char)word.ptr[len])) {
		*count = *count * 10 + (word.ptr[len++] - '0');
		if (*count > RATE_COUNT_MAX)
			return 0;
	}
	return *count ? len : 0;
}

static bool read_rate(struct reading *reading, struct text word)
{
	static const struct {
		char letter;
		int64_t seconds;
	} periods[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t len = read_count(word, &reading->count);

	if (len == 0 || word.len != len + 2 || word.ptr[len] != '/')
		return wrong(reading, "\"%.*s\" is no rate: N/s, N/m, N/h or N/d, N from 1 to %d",
			     shown(word), word.ptr, RATE_COUNT_MAX);
	for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
		if (word.ptr[len + 1] != periods[i].letter)
			continue;
		reading->policy->rate.unit_ns =
			(periods[i].seconds * NS_PER_S + reading->count - 1) / reading->count;
		reading->policy->burst = reading->count;
		return true;
	}
	return wrong(reading, "\"%.*s\": a rate is per s, m, h or d", shown(word), word.ptr);
}

/* Whom it is for, up to the rate. */
static bool read_scope(struct reading *reading)
{
	struct rate_policy *policy = reading->policy;
	struct text word;

	for (;;) {
		word = next_word(reading);
		if (text_is(word, "operation") && !policy->operation) {
			word = next_word(reading);
			if (!is_made_of(word, OPERATION_LETTERS, OPERATION_NAME_MAX))
				return wrong(reading, "\"%.*s\" is no name of an operation",
					     shown(word), word.ptr);
			policy->operation = arena_copy(reading->arena, word.ptr, word.len);
		} else if (text_is(word, "caller") && !policy->per_caller) {
			policy->per_caller = true;
		} else if (text_is(word, "user") && !policy->per_user) {
			policy->per_user = true;
		} else if (word.len && isdigit((unsigned char)*word.ptr)) {
			break;
		} else if (word.len == 0) {
			return wrong(reading, "a rate is missing: " FORM);
		} else {
			return wrong(reading, "\"%.*s\" where a rate belongs: " FORM, shown(word),
				     word.ptr);
		}
	}
	if (!policy->operation && !policy->per_caller && !policy->per_user)
		return wrong(reading, "it is not said whose rate: " FORM);
	return read_rate(reading, word);
}

/* What may follow the rate. */
static bool read_rest(struct reading *reading)
{
	struct rate_policy *policy = reading->policy;
	bool burst = false;
	struct text word;

	while ((word = next_word(reading)).len) {
		struct text value = next_word(reading);

		if (text_is(word, "burst") && !burst) {
			burst = true;
			if (value.len == 0 || read_count(value, &policy->burst) != value.len)
				return wrong(reading,
					     "burst wants a number from 1 to %d, not \"%.*s\"",
					     RATE_COUNT_MAX, shown(value), value.ptr);
		} else if (text_is(word, "name") && !policy->name) {
			if (!is_made_of(value, NAME_LETTERS, NAME_BYTES_MAX))
				return wrong(
					reading,
					"\"%.*s\" is no name: 1 to %d of A-Z a-z 0-9 _ - . : /",
					shown(value), value.ptr, NAME_BYTES_MAX);
			policy->name = arena_copy(reading->arena, value.ptr, value.len);
		} else {
			return wrong(reading, "\"%.*s\" does not belong behind the rate: " FORM,
				     shown(word), word.ptr);
		}
	}
	return true;
}

static void work_out(struct reading *reading)
{
	struct rate_policy *policy = reading->policy;
	int64_t window_s = (policy->rate.burst_ns + NS_PER_S - 1) / NS_PER_S;
	int64_t numbers[] = { policy->rate.unit_ns, policy->rate.burst_ns };

	if (!policy->name)
		policy->name = arena_printf(
			reading->arena, "%s%s%s%s%s", policy->operation ? policy->operation : "",
			policy->operation && policy->per_caller ? "/" : "",
			policy->per_caller ? "caller" : "",
			(policy->operation || policy->per_caller) && policy->per_user ? "/" : "",
			policy->per_user ? "user" : "");
	policy->header =
		arena_printf(reading->arena, "\"%s\";q=%lld;w=%lld", policy->name,
			     (long long)policy->burst, (long long)(window_s > 0 ? window_s : 1));
	policy->hash = hash_bytes(policy->name, strlen(policy->name),
				  hash_bytes(numbers, sizeof(numbers), 0));
}

bool rate_policies_add(struct rate_policies *policies, const char *text, struct arena *arena,
		       char *error, size_t error_room)
{
	struct rate_policy policy = { .text = arena_copy(arena, text, strlen(text)) };
	struct reading reading = { .policy = &policy,
				   .arena = arena,
				   .rest = { policy.text, 0 },
				   .error = error,
				   .error_room = error_room };

	if (policies->count == RATE_POLICIES_MAX)
		return wrong(&reading, "more than %d of them", RATE_POLICIES_MAX);
	if (!read_scope(&reading) || !read_rest(&reading))
		return false;
	policy.rate.burst_ns = policy.rate.unit_ns * policy.burst;
	if (policy.burst > RATE_WINDOW_S_MAX * NS_PER_S / policy.rate.unit_ns)
		return wrong(&reading, "the burst takes more than %lld days to grow back",
			     RATE_WINDOW_S_MAX / 86400);
	work_out(&reading);
	for (size_t i = 0; i < policies->count; i++)
		if (strcmp(policies->items[i].name, policy.name) == 0)
			return wrong(&reading, "the name \"%s\" is taken by \"%.80s\"", policy.name,
				     policies->items[i].text);
	policies->items[policies->count++] = policy;
	return true;
}

bool rate_parse(const char *text, struct gcra_rate *rate)
{
	char error[1];
	struct rate_policy policy = { 0 };
	struct reading reading = { .policy = &policy, .error = error, .error_room = sizeof(error) };

	if (!read_rate(&reading, text_of(text)))
		return false;
	*rate = (struct gcra_rate){ policy.rate.unit_ns, policy.rate.unit_ns * policy.burst };
	return true;
}
