/* SPDX-License-Identifier: Apache-2.0 */
/* A set is small, and so are the kept ones: they are compared one by one. */
#include "cmd/documents_kept.h"

#include "catalog/permit.h"
#include "http/gzip.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No secret: who can write a catalog can write its document. */
static const uint8_t document_key[SIPHASH_KEY_BYTES] = "openapi";

void documents_kept_init(struct documents_kept *kept)
{
	list_init(&kept->documents);
	kept->bytes = 0;
	kept->siphash = siphash_new();
}

void documents_kept_fini(struct documents_kept *kept)
{
	documents_kept_clear(kept);
	siphash_free(kept->siphash);
}

void document_let_go(struct document *document)
{
	if (atomic_fetch_sub(&document->holders, 1) != 1)
		return;
	buf_fini(&document->text);
	buf_fini(&document->packed);
	free(document);
}

static size_t document_bytes(const struct document *document)
{
	return document->text.room + document->packed.room;
}

static void documents_kept_drop_oldest(struct documents_kept *kept)
{
	struct document *document =
		container_of(list_take_first(&kept->documents), struct document, link);

	kept->bytes -= document_bytes(document);
	document_let_go(document);
}

void documents_kept_clear(struct documents_kept *kept)
{
	while (!list_empty(&kept->documents))
		documents_kept_drop_oldest(kept);
}

static void document_set_of(struct document_set *set, const struct known *known,
			    const struct principal *principal)
{
	unsigned count;
	const struct openapi_item *items = known_items(known, &count);

	memset(set, 0, sizeof(*set));
	for (unsigned i = 0; i < count; i++)
		if (operation_permit(items[i].operation, principal) == PERMIT_GRANTED)
			set->words[i / 64] |= UINT64_C(1) << i % 64;
}

static struct document *documents_kept_find(const struct documents_kept *kept,
					    const struct document_set *set)
{
	list_each (&kept->documents, it) {
		struct document *document = container_of(it, struct document, link);

		if (memcmp(&document->set, set, sizeof(*set)) == 0)
			return document;
	}
	return NULL;
}

static void document_write(struct document *document, const struct known *known,
			   const char *user_header)
{
	unsigned count, chosen = 0;
	const struct openapi_item *items = known_items(known, &count);
	struct openapi_item *some = calloc(count + 1, sizeof(*some));

	assert(some);
	for (unsigned i = 0; i < count; i++)
		if (document->set.words[i / 64] >> i % 64 & 1)
			some[chosen++] = items[i];
	openapi_write(&document->text, some, chosen, user_header);
	free(some);
}

/* Once, for all that ask: no loop does it. */
static void document_pack(struct document *document)
{
	struct gzips gzips;
	struct buf packed;

	if (document->text.len <= GZIP_BYTES_MIN)
		return;
	gzips_init(&gzips);
	buf_init(&packed);
	buf_add(&packed, document->text.ptr, document->text.len);
	if (gzip_whole(&gzips, &packed))
		buf_add(&document->packed, packed.ptr, packed.len);
	buf_fini(&packed);
	gzips_fini(&gzips);
}

static struct document *document_new(struct documents_kept *kept, const struct document_set *set,
				     const struct known *known, const char *user_header)
{
	struct document *document = calloc(1, sizeof(*document));
	uint8_t hash[SIPHASH_BYTES];

	assert(document);
	document->holders = 1;
	document->set = *set;
	buf_init(&document->text);
	buf_init(&document->packed);
	document_write(document, known, user_header);
	document_pack(document);
	siphash_hash(kept->siphash, document_key, document->text.ptr, document->text.len, hash);
	for (unsigned i = 0; i < SIPHASH_BYTES; i++)
		snprintf(document->tag + (size_t)2 * i, 3, "%02x", hash[i]);
	return document;
}

struct document *documents_kept_get(struct documents_kept *kept, const struct known *known,
				    const struct principal *principal, const char *user_header)
{
	struct document_set set;
	struct document *document;

	document_set_of(&set, known, principal);
	document = documents_kept_find(kept, &set);
	if (document) {
		list_remove(&kept->documents, &document->link);
	} else {
		document = document_new(kept, &set, known, user_header);
		kept->bytes += document_bytes(document);
	}
	atomic_fetch_add(&document->holders, 1);
	list_append(&kept->documents, &document->link);
	while (kept->documents.count > 1 &&
	       (kept->documents.count > DOCUMENTS_KEPT_MAX || kept->bytes > DOCUMENTS_BYTES_MAX))
		documents_kept_drop_oldest(kept);
	return document;
}
