/* SPDX-License-Identifier: Apache-2.0 */
/* A loaded catalog: finding, holding, places. It never changes, so that nothing here locks. */
#include "catalog/catalog.h"

#include <assert.h>
#include <stdlib.h>

void catalog_set_int8(struct catalog *catalog, bool as_text)
{
	for (unsigned i = 0; i < catalog->count; i++) {
		const struct operation *operation = &catalog->operations[i];

		operation->statement->int8_as_text = operation->int8 == INT8_OF_SERVICE
							     ? as_text
							     : operation->int8 == INT8_STRING;
	}
}

void catalog_check_not_null(struct catalog *catalog)
{
	for (unsigned i = 0; i < catalog->count; i++) {
		const struct operation *operation = &catalog->operations[i];
		struct text *names =
			arena_zero(&catalog->arena, operation->not_null_count + 1, sizeof(*names));

		for (unsigned k = 0; k < operation->not_null_count; k++)
			names[k] = operation->not_null[k].name;
		operation->statement->never_null = names;
		operation->statement->never_null_count = operation->not_null_count;
	}
}

void catalog_set_cache_numbers(struct catalog *catalog,
			       uint32_t (*number)(void *arg, const char *name), void *arg)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (catalog->operations[i].cache_us)
			catalog->operations[i].cache_number =
				number(arg, catalog->operations[i].name);
}

struct catalog *catalog_hold(struct catalog *catalog)
{
	unsigned before = atomic_fetch_add_explicit(&catalog->holders, 1, memory_order_relaxed);

	assert(before > 0);
	return catalog;
}

void catalog_let_go(struct catalog *catalog)
{
	unsigned before = atomic_fetch_sub_explicit(&catalog->holders, 1, memory_order_acq_rel);

	assert(before > 0);
	if (before > 1)
		return;
	for (unsigned i = 0; i < catalog->count; i++)
		statement_fini(catalog->operations[i].statement);
	arena_fini(&catalog->arena);
	free(catalog);
}

static int compare_name(struct text name, const char *other)
{
	size_t len = strlen(other);
	int by_bytes = memcmp(name.ptr, other, name.len < len ? name.len : len);

	if (by_bytes != 0)
		return by_bytes;
	return name.len < len ? -1 : name.len > len;
}

bool operation_is_job(const struct operation *operation)
{
	return operation->kind == REQUEST_COMMAND &&
	       (operation->async != ASYNC_NEVER || operation->schedule.kind != SCHEDULE_NONE);
}

bool catalog_has_jobs(const struct catalog *catalog)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (operation_is_job(&catalog->operations[i]))
			return true;
	return false;
}

bool catalog_has_cache(const struct catalog *catalog)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (catalog->operations[i].cache_us)
			return true;
	return false;
}

const struct operation *catalog_find(const struct catalog *catalog, enum request_kind kind,
				     struct text name)
{
	unsigned low = 0, high = catalog->count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const struct operation *operation = &catalog->operations[middle];
		int order = compare_name(name, operation->name);

		if (order == 0)
			return operation->kind == kind ? operation : NULL;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct parameter *operation_parameter(const struct operation *operation, struct text name)
{
	for (unsigned i = 0; i < operation->parameters_count; i++) {
		const struct parameter *parameter = &operation->parameters[i];

		if (!parameter->is_request_user && text_is(name, parameter->name))
			return parameter;
	}
	return NULL;
}

/* Behind one character of UTF-8. */
static const char *next_character(const char *ptr)
{
	ptr++;
	while (((unsigned char)*ptr & 0xc0) == 0x80)
		ptr++;
	return ptr;
}

struct place operation_place(const struct operation *operation, unsigned char_position)
{
	const char *ptr = operation->statement->text;
	struct place place = operation->text_place;
	unsigned at = 1, shift = 0;

	while (at < char_position && *ptr) {
		const struct place_shift *here =
			shift < operation->shifts_count ? &operation->shifts[shift] : NULL;

		if (here && here->at == at) {
			if (char_position < at + here->sent)
				break;
			ptr += here->sent;
			at += here->sent;
			place.column += here->source;
			shift++;
			continue;
		}
		if (*ptr == '\n') {
			place.line++;
			place.column = 1;
		} else {
			place.column++;
		}
		ptr = next_character(ptr);
		at++;
	}
	return place;
}

void catalog_notes(const struct catalog *catalog, struct buf *lines)
{
	buf_text(lines, catalog->notes);
}
