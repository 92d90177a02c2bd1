/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread turns its loop, and between two turns it asks the primary; while that answers, the
 * loop turns on (asker_meanwhile). All but the letters is of this thread.
 */
#include "cmd/documents.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/loop.h"
#include "cmd/ask.h"
#include "cmd/documents_kept.h"
#include "cmd/openapi_known.h"
#include "router/cluster/topology.h"
#include "router/schema_watch.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DOCUMENTS_TURN_US (10 * US_PER_S)  /* something is sent to it before */
#define DOCUMENTS_LAST_US (50 * US_PER_MS) /* before its deadline a request is answered */
#define DOCUMENTS_POST_PAUSE_NS 1000000

struct documents {
	const struct options *options;
	struct snapshot_reader *topology;
	struct loop *loop;
	pthread_t thread;
	struct letter prepare, stop;

	/* The thread's. */
	struct catalog *catalog; /* the newest */
	struct known *known;     /* NULL: nothing; of another catalog: that of before a reload */
	char stamp[SCHEMA_STAMP_MAX];
	size_t stamp_len; /* of the schema that known is of; 0: it is not known */
	struct documents_kept kept;
	struct list waiting; /* of struct document_asked */
	struct loop_timer due;
	int64_t checked_us; /* 0: never */
	bool wants_check, ends;
	bool complained; /* the primary could not be asked */
};

/* A request on its way here and back; in its arena. */
struct document_asked {
	struct letter letter;
	struct list_link link; /* in waiting */
	struct documents *documents;
	struct request *request;
	int64_t due_us;            /* until then a check is waited for */
	struct document *document; /* NULL: there is none */
	enum outcome outcome;
};

/* Of a reload; freed on delivery. */
struct documents_letter {
	struct letter letter;
	struct documents *documents;
	struct catalog *catalog;
};

static void documents_post(struct loop *loop, struct letter *letter)
{
	const struct timespec pause = { .tv_nsec = DOCUMENTS_POST_PAUSE_NS };

	while (!loop_post(loop, letter))
		nanosleep(&pause, NULL);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void documents_take_back(void *owner)
{
	document_let_go(owner);
}

static void documents_lend(struct request *request, struct document *document)
{
	struct lent *lent = arena_zero(&request->arena, 1, sizeof(*lent));

	*lent = (struct lent){
		.plain = { document->text.ptr, document->text.len },
		.gzip = { document->packed.ptr, document->packed.len },
		.tag = text_of(document->tag),
		.take_back = documents_take_back,
		.owner = document,
	};
	request->lent = lent;
}

/* On the request's loop. */
static void documents_on_answer(struct letter *letter, struct loop *loop)
{
	struct document_asked *asked = container_of(letter, struct document_asked, letter);
	struct request *request = asked->request;

	request->done_us = loop_now(loop);
	if (asked->document) {
		documents_lend(request, asked->document);
		request->cache_marks |= CACHE_MARK_OWN;
	} else {
		(void)request_fail(request, asked->outcome,
				   "The document is made of what the primary says of the "
				   "statements, which has not said it yet");
	}
	request->on_done(request);
}

static bool documents_know(const struct documents *documents)
{
	return documents->known && known_catalog(documents->known) == documents->catalog;
}

static bool documents_is_checked(const struct documents *documents)
{
	return documents->checked_us && documents_know(documents) &&
	       loop_now(documents->loop) - documents->checked_us < DOCUMENTS_CHECK_US;
}

static void documents_answer(struct documents *documents, struct document_asked *asked)
{
	if (documents_know(documents))
		asked->document = documents_kept_get(&documents->kept, documents->known,
						     asked->request->principal,
						     documents->options->user_header);
	else
		asked->outcome = documents->complained ? OUTCOME_NO_PRIMARY : OUTCOME_STARTING;
	asked->letter.on_delivery = documents_on_answer;
	documents_post(asked->request->loop, &asked->letter);
}

/* Those that are due; all: the others, too. */
static void documents_answer_waiting(struct documents *documents, bool all)
{
	int64_t now_us = loop_now(documents->loop), next_us = CLOCK_NEVER;
	struct list_link *next;

	for (struct list_link *it = list_first(&documents->waiting); it; it = next) {
		struct document_asked *asked = container_of(it, struct document_asked, link);

		next = it->next == &documents->waiting.head ? NULL : it->next;
		if (all || asked->due_us <= now_us) {
			list_remove(&documents->waiting, &asked->link);
			documents_answer(documents, asked);
		} else if (asked->due_us < next_us) {
			next_us = asked->due_us;
		}
	}
	loop_timer_set(documents->loop, &documents->due, next_us);
}

static void documents_on_due(struct loop_timer *timer)
{
	documents_answer_waiting(container_of(timer, struct documents, due), false);
}

static void documents_on_asked(struct letter *letter, struct loop *loop)
{
	struct document_asked *asked = container_of(letter, struct document_asked, letter);
	struct documents *documents = asked->documents;

	if (documents_is_checked(documents)) {
		documents_answer(documents, asked);
		return;
	}
	documents->wants_check = true;
	asked->due_us = asked->request->deadline_us - DOCUMENTS_LAST_US;
	if (documents_know(documents) && loop_now(loop) + DOCUMENTS_WAIT_US < asked->due_us)
		asked->due_us = loop_now(loop) + DOCUMENTS_WAIT_US;
	list_append(&documents->waiting, &asked->link);
	documents_answer_waiting(documents, false);
}

void documents_take(struct documents *documents, struct request *request)
{
	struct document_asked *asked = arena_zero(&request->arena, 1, sizeof(*asked));

	asked->letter.on_delivery = documents_on_asked;
	asked->documents = documents;
	asked->request = request;
	if (loop_post(documents->loop, &asked->letter))
		return;
	(void)request_fail(request, OUTCOME_SHED, "Too many ask for the document");
	request->on_done(request);
}

/* --- what is known ---------------------------------------------------------------------------- */

/* As where the role may make no temporary objects: once, with the reason of the first. */
static void documents_say_unproved(const struct known *known)
{
	unsigned count, without = 0;
	const struct openapi_item *items = known_items(known, &count);
	const struct json *why = NULL;

	for (unsigned i = 0; i < count; i++) {
		if (items[i].facts->query || items[i].operation->rows == ROWS_EXEC)
			continue;
		if (without++ == 0)
			why = json_get(items[i].facts->json, "why");
	}
	if (without)
		log_warn("openapi",
			 "the columns of %u operations are not in the document, as the primary "
			 "does not show their trees: %s",
			 without,
			 why && json_kind(why) == JSON_STRING ? json_text(why).ptr : "no reason");
}

static void documents_know_from_now(struct documents *documents, struct known *known)
{
	documents_kept_clear(&documents->kept);
	if (documents->known)
		known_free(documents->known);
	documents->known = known;
}

/* After a reload that has changed no statement all is known, can the primary be asked or not. */
static void documents_adopt(struct documents *documents)
{
	struct known *known;

	if (!documents->known || documents_know(documents))
		return;
	known = known_without_asking(documents->catalog, documents->known);
	if (known)
		documents_know_from_now(documents, known);
}

/* Which node's connection string leads to the primary; NULL: there is none. */
static const char *documents_primary(const struct documents *documents)
{
	const struct topology *topology = snapshot_enter(documents->topology);
	int primary = topology ? topology->primary : -1;

	snapshot_leave(documents->topology);
	if (primary < 0)
		return NULL;
	return primary == 0 ? documents->options->primary
			    : documents->options->replicas.items[primary - 1];
}

/* The row of the stamp in the asker's out. */
static bool documents_ask_stamp(struct asker *asker, const char *conninfo,
				struct findings *findings)
{
	struct call call = { .kind = CALL_QUERY, .statement = schema_stamp(), .rows_max = 1 };
	char error[512];

	if (!asker_init(asker, conninfo, NODE_PRIMARY, NULL, error, sizeof(error))) {
		findings_trouble(findings, "%s", error);
		return false;
	}
	if (asker_call(asker, &call) == CALL_OK && asker->out.len <= SCHEMA_STAMP_MAX)
		return true;
	findings_trouble(findings, "%s: %s", asker->node->name,
			 call.end == CALL_ERROR ? call.error.message : "no answer");
	asker_fini(asker);
	return false;
}

/* False: the primary cannot be asked; it is among the findings. */
static bool documents_ask(struct documents *documents, const char *conninfo,
			  struct findings *findings)
{
	struct catalog *catalog = catalog_hold(documents->catalog);
	struct known *known = NULL;
	struct asker asker;
	bool is_same;

	if (documents_ask_stamp(&asker, conninfo, findings)) {
		is_same = asker.out.len == documents->stamp_len &&
			  memcmp(asker.out.ptr, documents->stamp, asker.out.len) == 0;
		if (is_same && documents->known && known_catalog(documents->known) == catalog) {
			asker_fini(&asker);
			catalog_let_go(catalog);
			return true;
		}
		known = known_ask(catalog, conninfo, is_same ? documents->known : NULL, findings);
		if (known) {
			documents_know_from_now(documents, known);
			documents_say_unproved(known);
			documents->stamp_len = asker.out.len;
			memcpy(documents->stamp, asker.out.ptr, asker.out.len);
		}
		asker_fini(&asker);
	}
	catalog_let_go(catalog);
	return known;
}

static void documents_check(struct documents *documents)
{
	const char *conninfo = documents_primary(documents);
	struct findings findings;
	bool asked = false;

	documents->wants_check = false;
	findings_init(&findings, "openapi", documents->options->catalog);
	findings.logged = true;
	findings.quiet = documents->complained;
	if (conninfo)
		asked = documents_ask(documents, conninfo, &findings);
	findings_fini(&findings);
	documents_adopt(documents);
	documents->complained = !asked;
	documents->checked_us = loop_now(documents->loop);
	/* Who has come meanwhile needs no other one; but for a reload meanwhile. */
	documents->wants_check = asked && !documents_know(documents);
	documents_answer_waiting(documents, !documents->wants_check);
}

/* --- its life --------------------------------------------------------------------------------- */

static void documents_on_prepare(struct letter *letter, struct loop *loop)
{
	(void)loop;
	container_of(letter, struct documents, prepare)->wants_check = true;
}

static void documents_on_stop(struct letter *letter, struct loop *loop)
{
	(void)loop;
	container_of(letter, struct documents, stop)->ends = true;
}

static void documents_on_reload(struct letter *letter, struct loop *loop)
{
	struct documents_letter *message = container_of(letter, struct documents_letter, letter);
	struct documents *documents = message->documents;

	(void)loop;
	catalog_let_go(documents->catalog);
	documents->catalog = message->catalog;
	documents->wants_check = true;
	documents_adopt(documents);
	free(message);
}

static bool documents_on_turn(void *arg)
{
	struct documents *documents = arg;

	loop_turn(documents->loop, 0);
	return !documents->ends;
}

static void *documents_run(void *arg)
{
	struct documents *documents = arg;

	asker_meanwhile(documents_on_turn, documents);
	while (!documents->ends) {
		loop_turn(documents->loop, documents->wants_check ? 0 : DOCUMENTS_TURN_US);
		if (documents->wants_check && !documents->ends)
			documents_check(documents);
	}
	return NULL;
}

struct documents *documents_start(const struct options *options, struct snapshot *topology,
				  struct catalog *catalog)
{
	struct documents *documents = calloc(1, sizeof(*documents));

	assert(documents);
	documents->options = options;
	documents->topology = snapshot_reader_new(topology);
	documents->loop = loop_new("documents");
	documents->catalog = catalog_hold(catalog);
	documents->prepare.on_delivery = documents_on_prepare;
	documents->stop.on_delivery = documents_on_stop;
	documents->due.on_due = documents_on_due;
	list_init(&documents->waiting);
	documents_kept_init(&documents->kept);
	if (pthread_create(&documents->thread, NULL, documents_run, documents) != 0)
		log_fatal("serve", "no thread can be had");
	return documents;
}

void documents_prepare(struct documents *documents)
{
	documents_post(documents->loop, &documents->prepare);
}

void documents_reload(struct documents *documents, struct catalog *catalog)
{
	struct documents_letter *message = calloc(1, sizeof(*message));

	assert(message);
	message->letter.on_delivery = documents_on_reload;
	message->documents = documents;
	message->catalog = catalog_hold(catalog);
	documents_post(documents->loop, &message->letter);
}

void documents_stop(struct documents *documents)
{
	documents_post(documents->loop, &documents->stop);
	pthread_join(documents->thread, NULL);
	assert(list_empty(&documents->waiting));
	documents_kept_fini(&documents->kept);
	if (documents->known)
		known_free(documents->known);
	catalog_let_go(documents->catalog);
	loop_timer_cancel(documents->loop, &documents->due);
	loop_free(documents->loop);
	snapshot_reader_free(documents->topology);
	free(documents);
}
