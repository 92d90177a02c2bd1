/* SPDX-License-Identifier: Apache-2.0 */
/* An unchanged statement keeps its id through a reload: by that its facts are found again. */
#include "cmd/openapi_known.h"

#include "cmd/openapi_facts.h"

#include <assert.h>
#include <stdlib.h>

#define KNOWN_REFUSED_LOGGED 10

/* Of one statement; counted. */
struct known_facts {
	unsigned holders;
	uint32_t statement;
	bool is_refused; /* by the primary: there are no facts */
	struct facts facts;
	struct arena arena;
};

struct known {
	struct catalog *catalog;
	struct known_facts **all;   /* [catalog->count]; NULL: not known so far */
	struct openapi_item *items; /* [items_count] */
	unsigned items_count;
};

/* --- of one statement ------------------------------------------------------------------------- */

static struct known_facts *known_facts_new(const struct operation *operation)
{
	struct known_facts *facts = calloc(1, sizeof(*facts));

	assert(facts);
	facts->holders = 1;
	facts->statement = operation->statement->id;
	arena_init(&facts->arena);
	return facts;
}

static void known_facts_let_go(struct known_facts *facts)
{
	if (--facts->holders)
		return;
	facts_fini(&facts->facts);
	arena_fini(&facts->arena);
	free(facts);
}

/* NULL: nothing was answered, or nothing that can be read. */
static struct known_facts *known_ask_one(struct openapi_asker *asker,
					 const struct operation *operation,
					 struct findings *findings)
{
	struct known_facts *facts = known_facts_new(operation);
	unsigned troubles = findings->troubles;
	const char *answer = openapi_asker_ask(asker, operation, findings);

	if (!answer && findings->troubles == troubles) {
		facts->is_refused = true;
	} else if (answer && !facts_read(&facts->facts, text_of(answer), &facts->arena)) {
		findings_trouble(findings, "%s: an answer that cannot be read", operation->name);
		facts->is_refused = true;
	} else if (!answer) {
		known_facts_let_go(facts);
		facts = NULL;
	}
	arena_reset(&asker->asker.arena);
	return facts;
}

/* --- of a catalog ----------------------------------------------------------------------------- */

static struct known_facts *known_find(const struct known *known, uint32_t statement)
{
	for (unsigned i = 0; i < known->catalog->count; i++)
		if (known->all[i]->statement == statement)
			return known->all[i];
	return NULL;
}

/* Most operations have the place that they had. */
static struct known_facts *known_take(const struct known *before, const struct operation *operation)
{
	uint32_t statement = operation->statement->id;
	struct known_facts *facts;

	if (!before)
		return NULL;
	facts = operation->index < before->catalog->count ? before->all[operation->index] : NULL;
	if (!facts || facts->statement != statement)
		facts = known_find(before, statement);
	if (!facts || facts->is_refused)
		return NULL;
	facts->holders++;
	return facts;
}

/* With what was known before. */
static struct known *known_new(struct catalog *catalog, const struct known *before)
{
	struct known *known = calloc(1, sizeof(*known));

	assert(known);
	known->catalog = catalog_hold(catalog);
	known->all = calloc(catalog->count + 1, sizeof(struct known_facts *));
	known->items = calloc(catalog->count + 1, sizeof(*known->items));
	assert(known->all);
	assert(known->items);
	for (unsigned i = 0; i < catalog->count; i++)
		known->all[i] = known_take(before, &catalog->operations[i]);
	return known;
}

void known_free(struct known *known)
{
	for (unsigned i = 0; i < known->catalog->count; i++)
		if (known->all[i])
			known_facts_let_go(known->all[i]);
	free(known->all);
	free(known->items);
	catalog_let_go(known->catalog);
	free(known);
}

static bool known_is_whole(const struct known *known)
{
	for (unsigned i = 0; i < known->catalog->count; i++)
		if (!known->all[i])
			return false;
	return true;
}

/* NULL, and freed: something is missing. */
static struct known *known_settle(struct known *known)
{
	if (!known_is_whole(known)) {
		known_free(known);
		return NULL;
	}
	for (unsigned i = 0; i < known->catalog->count; i++)
		if (!known->all[i]->is_refused)
			known->items[known->items_count++] =
				(struct openapi_item){ &known->catalog->operations[i],
						       &known->all[i]->facts };
	return known;
}

/* Of serve: what one missing schema does to all operations is not said for each of them. */
static bool known_is_said(const struct findings *findings)
{
	return findings->logged && findings->errors >= KNOWN_REFUSED_LOGGED;
}

static void known_ask_missing(struct known *known, struct openapi_asker *asker,
			      struct findings *findings)
{
	for (unsigned i = 0; i < known->catalog->count; i++) {
		if (known->all[i])
			continue;
		known->all[i] = known_ask_one(asker, &known->catalog->operations[i], findings);
		if (!known->all[i])
			return;
		findings->quiet = findings->quiet || known_is_said(findings);
	}
}

struct known *known_ask(struct catalog *catalog, const char *conninfo, const struct known *before,
			struct findings *findings)
{
	struct known *known = known_new(catalog, before);
	struct openapi_asker asker;

	if (!known_is_whole(known)) {
		if (openapi_asker_open(&asker, conninfo, findings)) {
			known_ask_missing(known, &asker, findings);
			openapi_asker_close(&asker);
		}
	}
	return known_settle(known);
}

struct known *known_without_asking(struct catalog *catalog, const struct known *before)
{
	return known_settle(known_new(catalog, before));
}

const struct catalog *known_catalog(const struct known *known)
{
	return known->catalog;
}

const struct openapi_item *known_items(const struct known *known, unsigned *count)
{
	*count = known->items_count;
	return known->items;
}
