/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAPI documents of one catalog, one for each set of operations that a caller may call: callers
 * whose roles come to the same share it. Some of them are kept, within DOCUMENTS_KEPT_MAX and
 * DOCUMENTS_BYTES_MAX; the one that was not asked for the longest goes first. One thread, but for
 * document_let_go.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/principal.h"
#include "base/siphash.h"
#include "cmd/openapi_known.h"

#include <stddef.h>
#include <stdint.h>

#define DOCUMENT_WORDS ((OPERATIONS_MAX + 63) / 64)
#define DOCUMENT_TAG_BYTES (2 * SIPHASH_BYTES)

/* Which items of a struct known it has, a bit each. */
struct document_set {
	uint64_t words[DOCUMENT_WORDS];
};

/* Never changes; counted. */
struct document {
	struct list_link link;
	_Atomic unsigned holders;
	struct document_set set;
	struct buf text, packed;          /* packed: as gzip; empty: it does not become shorter */
	char tag[DOCUMENT_TAG_BYTES + 1]; /* of its ETag: a hash of the text, in all processes */
};

struct documents_kept {
	struct list documents; /* used last, last */
	size_t bytes;
	struct siphash *siphash;
};

void documents_kept_init(struct documents_kept *kept);
void documents_kept_fini(struct documents_kept *kept);
/* What is known is of another catalog or schema. */
void documents_kept_clear(struct documents_kept *kept);
/* What this principal may call. The caller has a share of it. */
struct document *documents_kept_get(struct documents_kept *kept, const struct known *known,
				    const struct principal *principal,
				    const char *user_header) must_check;
/* Frees it with the last share. Any thread. */
void document_let_go(struct document *document);
