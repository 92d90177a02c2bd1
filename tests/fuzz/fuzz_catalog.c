/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer over catalog_load_text: whatever the bytes, it answers with a catalog or with errors,
 * and what it answers holds together.
 *
 *     make fuzz TARGETS=catalog SECONDS=60
 */
#include "catalog/catalog.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct operation *operation)
{
	unsigned characters = 0;
	struct place last = operation_place(operation, 0);

	assert(operation->statement->text[0]);
	for (const char *ptr = operation->statement->text; *ptr; ptr++)
		characters += ((unsigned char)*ptr & 0xc0) != 0x80;
	/* Places never go back. */
	for (unsigned at = 1; at <= characters + 2 && characters < 2000; at++) {
		struct place place = operation_place(operation, at);

		assert(place.line > last.line ||
		       (place.line == last.line && place.column >= last.column));
		last = place;
	}
}

static void check_operation(const struct catalog *catalog, const struct operation *operation)
{
	assert(catalog_find(catalog, operation->kind, text_of(operation->name)) == operation);
	assert(operation->place.line > 0);
	assert(operation->statement->id > 0);
	assert(operation->statement->params == operation->parameters_count);
	for (unsigned i = 0; i < operation->parameters_count; i++) {
		const struct parameter *parameter = &operation->parameters[i];

		assert(parameter->name[0]);
		assert(parameter->is_request_user !=
		       (operation_parameter(operation, text_of(parameter->name)) == parameter));
	}
	check_text(operation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct catalog *catalog;
	struct buf errors;

	buf_init(&errors);
	catalog = catalog_load_text("fuzz.sql", (struct text){ (const char *)data, size }, &errors);
	assert((catalog == NULL) == (errors.len > 0));
	if (catalog) {
		for (unsigned i = 0; i < catalog->count; i++)
			check_operation(catalog, &catalog->operations[i]);
		catalog_notes(catalog, &errors);
		catalog_let_go(catalog);
	}
	buf_fini(&errors);
	return 0;
}
