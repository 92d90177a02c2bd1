/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller may not call is not suggested: names of it are not told. */
#include "catalog/suggestion.h"

#include "base/nearest.h"
#include "catalog/permit.h"
#include "catalog/spelling.h"

struct text suggestion(const struct catalog *catalog, enum request_kind kind, struct text name,
		       const struct principal *principal)
{
	char ours[OPERATION_NAME_MAX];
	size_t len = spelling_of_ours(name, ours, sizeof(ours));
	struct nearest nearest;

	nearest_init(&nearest, len ? (struct text){ ours, len } : name);
	for (unsigned i = 0; i < catalog->count; i++) {
		const struct operation *operation = &catalog->operations[i];
		struct text known = text_of(operation->name);

		if (operation->kind != kind ||
		    operation_permit(operation, principal) != PERMIT_GRANTED)
			continue;
		if (spelling_is_same(name, known))
			return known;
		nearest_offer(&nearest, known);
	}
	return nearest.best;
}
