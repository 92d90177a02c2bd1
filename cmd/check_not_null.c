/* SPDX-License-Identifier: Apache-2.0 */
/* The primary is connected to only where an operation has @notnull. */
#include "cmd/check_not_null.h"

#include "base/nearest.h"
#include "catalog/openapi/proof.h"
#include "catalog/source.h"
#include "cmd/openapi_facts.h"

void check_not_null_of(const struct operation *operation, const struct facts *facts,
		       struct findings *findings)
{
	unsigned columns = proof_columns(facts);

	for (unsigned i = 0; facts->query && i < operation->not_null_count; i++) {
		const struct named_column *named = &operation->not_null[i];
		struct nearest nearest;
		bool found = false;

		nearest_init(&nearest, named->name);
		for (unsigned k = 0; k < columns && !found; k++) {
			found = text_equal(proof_column_name(facts, k), named->name);
			nearest_offer(&nearest, proof_column_name(facts, k));
		}
		if (found)
			continue;
		findings_error(
			findings, named->place, "@notnull: there is no column \"%.*s\"%s%.*s%s",
			(int)named->name.len, named->name.ptr,
			nearest.best.ptr ? "; did you mean \"" : "", (int)nearest.best.len,
			nearest.best.ptr ? nearest.best.ptr : "", nearest.best.ptr ? "\"?" : "");
	}
}

static void check_not_null_ask(struct openapi_asker *asker, const struct operation *operation,
			       struct findings *findings)
{
	const char *answer = openapi_asker_ask(asker, operation, findings);
	struct facts facts;

	if (!answer || !facts_read(&facts, text_of(answer), &asker->asker.arena))
		return;
	check_not_null_of(operation, &facts, findings);
	facts_fini(&facts);
}

void check_not_null(const char *conninfo, const struct operation *const *operations, unsigned count,
		    struct findings *findings)
{
	struct openapi_asker asker;
	bool open = false;

	for (unsigned i = 0; i < count; i++) {
		if (!operations[i]->not_null_count)
			continue;
		if (!open && !openapi_asker_open(&asker, conninfo, findings))
			return;
		open = true;
		check_not_null_ask(&asker, operations[i], findings);
	}
	if (open)
		openapi_asker_close(&asker);
}
