/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenAPI documents that serve gives: GET /openapi.json. A thread of its own asks the primary
 * for facts, on connections of its own that it makes for that, and writes documents; loops hand
 * requests to it and get them back with the bytes.
 *
 * The facts are asked for when the service is ready, after a reload (of what has changed), and
 * after a change of the schema. Whether it has changed is asked for a request, at most each
 * DOCUMENTS_CHECK_US: while no client asks, the database is not asked. Where the primary cannot be
 * asked, what is known is given; where nothing is, the request fails with no-primary.
 */
#pragma once

#include "base/check.h"
#include "base/options.h"
#include "base/request.h"
#include "base/snapshot.h"
#include "catalog/catalog.h"

struct documents;

/* On the main thread. options and topology are borrowed until documents_stop. */
struct documents *documents_start(const struct options *options, struct snapshot *topology,
				  struct catalog *catalog) must_check;
/* Main thread: the service is ready, so that its clients wait for nothing by what is asked now. */
void documents_prepare(struct documents *documents);
/* Main thread: of this catalog from now on. */
void documents_reload(struct documents *documents, struct catalog *catalog);
/* The thread of the request's loop: it is answered by on_done, which may be called from inside. */
void documents_take(struct documents *documents, struct request *request);
/* Main thread. No request is with it any more. */
void documents_stop(struct documents *documents);
