/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store as its writers see it. A put reserves its blocks, gathers them in steps in which others
 * are evicted, fills them without the lock, and shows the entry in a last step.
 */
#include "base/hash.h"
#include "base/tsan.h"
#include "read/cache/store.h"
#include "read/cache/store_private.h"

#include <assert.h>

#define STEP_MAX 256    /* entries or blocks that one hold of the lock is about */
#define PURGE_MAX 16384 /* entries that go while the store is emptied; puts see to the others */
#define EPOCHS 3        /* that readers may be behind, before what is deferred is unseen */

/* --- with the lock ------------------------------------------------------------------------- */

static uint32_t store_generation(const struct cache_store *store)
{
	return atomic_load_explicit(&store->generation, memory_order_relaxed);
}

/* Where its number stands: in its bucket, or in the one before it there. */
static _Atomic uint32_t *store_link_to(const struct cache_store *store,
				       const struct cache_entry *entry)
{
	_Atomic uint32_t *link = store_bucket(store, entry->hash);

	while (atomic_load_explicit(link, memory_order_relaxed) != entry->number)
		link = &store_entry(store, link)->next_in_bucket;
	return link;
}

static void store_unseen(ck_epoch_entry_t *grave)
{
	(void)grave; /* its store takes it from a list instead */
}

/* It is in no bucket any more. */
static void store_defer(struct cache_store *store, struct cache_entry *entry)
{
	store->waiting += entry->node.blocks;
	ck_epoch_call(&store->record, &entry->grave, store_unseen);
}

static struct cache_operation_counts *store_counts_of(struct cache_store *store,
						      const struct cache_entry *entry)
{
	return &store->operations[entry->facts.operation];
}

static void store_count_in(struct cache_store *store, const struct cache_entry *entry)
{
	store_counts_of(store, entry)->entries++;
	store_counts_of(store, entry)->bytes += entry->node.blocks;
}

static void store_count_out(struct cache_store *store, const struct cache_entry *entry)
{
	store_counts_of(store, entry)->entries--;
	store_counts_of(store, entry)->bytes -= entry->node.blocks;
}

static void store_remove(struct cache_store *store, struct cache_entry *entry)
{
	store_count_out(store, entry);
	atomic_store_explicit(store_link_to(store, entry),
			      atomic_load_explicit(&entry->next_in_bucket, memory_order_relaxed),
			      memory_order_release);
	s3_fifo_remove(&store->fifo, entry->number);
	if (entry->node.generation != store_generation(store))
		store->stale[s3_queue_of(&entry->node)]--;
	store_defer(store, entry);
}

CK_STACK_CONTAINER(struct ck_epoch_entry, stack_entry, grave_of)

/* Of what no reader can see any more, at most so many entries: their blocks are free. */
static void store_reclaim(struct cache_store *store, unsigned most)
{
	(void)ck_epoch_poll_deferred(&store->record, &store->unseen);
	/* Readers release what they have met when they leave it. */
	__tsan_acquire(&store->epoch);
	for (; most && !CK_STACK_ISEMPTY(&store->unseen); most--) {
		ck_epoch_entry_t *grave = grave_of(ck_stack_pop_npsc(&store->unseen));
		struct cache_entry *entry =
			(struct cache_entry *)((char *)grave - offsetof(struct cache_entry, grave));
		struct chain chain = { entry->number, entry->last, entry->node.blocks };

		store->waiting -= chain.count;
		blocks_give_back(&store->blocks, &chain);
	}
}

/* False: there is nothing to evict. */
static bool store_evict(struct cache_store *store, unsigned *moves)
{
	uint32_t number = s3_fifo_victim(&store->fifo, store_generation(store), moves);
	struct cache_entry *entry;

	if (number == S3_NONE)
		return false;
	entry = entry_at(store->memory, number);
	if (entry->node.generation == store_generation(store)) {
		enum s3_queue_id queue = s3_queue_of(&entry->node);

		if (queue == S3_SMALL)
			ghost_add(&store->ghost, entry->hash);
		store->evicted[queue]++;
		store_counts_of(store, entry)->evicted++;
	}
	store_remove(store, entry);
	return true;
}

static bool store_is_stale(const struct cache_store *store)
{
	return store->stale[S3_SMALL] || store->stale[S3_MAIN];
}

/*
 * Removes entries from before the store was emptied, in at most so many steps; what came since goes
 * behind them on its way. How many steps it took.
 */
static unsigned store_purge(struct cache_store *store, unsigned most)
{
	unsigned steps = 0;

	for (; steps < most && store_is_stale(store); steps++) {
		enum s3_queue_id id = store->stale[S3_SMALL] ? S3_SMALL : S3_MAIN;
		struct cache_entry *last = entry_at(store->memory, store->fifo.queues[id].tail);

		if (last->node.generation != store_generation(store))
			store_remove(store, last);
		else
			s3_fifo_rotate(&store->fifo, id);
	}
	return steps;
}

static bool store_is_full(const struct cache_store *store)
{
	return s3_fifo_blocks(&store->fifo) + store->reserved > store->usable;
}

/* --- put ------------------------------------------------------------------------------------- */

struct put {
	struct cache_store *store;
	struct text key;
	uint64_t hash;
	const struct cache_facts *facts;
	uint32_t blocks; /* wanted */
	uint32_t generation;
	struct chain chain; /* gathered */
};

/* What is there is better than what comes. */
static bool put_is_older(const struct put *put, const struct cache_entry *there)
{
	return there && there->facts.timeline == put->facts->timeline &&
	       there->facts.version == put->facts->version &&
	       there->facts.lower > put->facts->lower;
}

/* False: there is no need to. */
static bool put_begin(struct put *put)
{
	struct cache_store *store = put->store;
	bool older;

	pthread_mutex_lock(&store->lock);
	older = put_is_older(put, store_search(store, put->hash, put->key));
	if (!older)
		store->reserved += put->blocks;
	put->generation = store_generation(store);
	pthread_mutex_unlock(&store->lock);
	return !older;
}

/* One step; false: it has led to nothing. */
static bool put_gather_some(struct put *put)
{
	struct cache_store *store = put->store;
	uint32_t before = put->chain.count, most = put->blocks - before;
	unsigned moves = STEP_MAX, evicted;

	if (most > STEP_MAX)
		most = STEP_MAX;
	pthread_mutex_lock(&store->lock);
	evicted = store_purge(store, STEP_MAX);
	while (evicted < STEP_MAX && store_is_full(store) && store_evict(store, &moves))
		evicted++;
	store_reclaim(store, STEP_MAX);
	for (unsigned i = 1; i < EPOCHS && store->blocks.free < most; i++)
		store_reclaim(store, STEP_MAX);
	if (!store_is_full(store))
		blocks_take(&store->blocks, &put->chain, most);
	pthread_mutex_unlock(&store->lock);
	return put->chain.count > before || evicted;
}

/* With the lock: what was gathered was never seen. */
static void put_give_back(struct put *put)
{
	blocks_give_back(&put->store->blocks, &put->chain);
}

static bool put_gather(struct put *put)
{
	struct cache_store *store = put->store;

	while (put->chain.count < put->blocks)
		if (!put_gather_some(put)) {
			pthread_mutex_lock(&store->lock);
			store->reserved -= put->blocks;
			store->no_room++;
			put_give_back(put);
			pthread_mutex_unlock(&store->lock);
			return false;
		}
	return true;
}

/* With the lock. A reader sees the one or the other. */
static void put_replace(struct put *put, struct cache_entry *there, struct cache_entry *entry)
{
	struct cache_store *store = put->store;

	atomic_store_explicit(&entry->next_in_bucket,
			      atomic_load_explicit(&there->next_in_bucket, memory_order_relaxed),
			      memory_order_relaxed);
	s3_fifo_replace(&store->fifo, there->number, entry->number);
	atomic_store_explicit(store_link_to(store, there), entry->number, memory_order_release);
	store_count_out(store, there);
	store_count_in(store, entry);
	store_defer(store, there);
	store->replaced++;
}

/* With the lock. */
static void put_insert(struct put *put, struct cache_entry *entry)
{
	struct cache_store *store = put->store;
	_Atomic uint32_t *bucket = store_bucket(store, put->hash);
	bool ghost = ghost_take(&store->ghost, put->hash, s3_fifo_ghosts(&store->fifo));

	store_count_in(store, entry);
	s3_fifo_add(&store->fifo, entry->number, ghost ? S3_MAIN : S3_SMALL);
	atomic_store_explicit(&entry->next_in_bucket,
			      atomic_load_explicit(bucket, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(bucket, entry->number, memory_order_release);
	store->ghosts_hit += ghost;
	store->inserted++;
}

/* False: the store was emptied since the put began. */
static bool put_show(struct put *put, struct cache_entry *entry)
{
	struct cache_store *store = put->store;
	struct cache_entry *there;
	bool emptied;

	pthread_mutex_lock(&store->lock);
	store->reserved -= put->blocks;
	there = store_search(store, put->hash, put->key);
	emptied = put->generation != store_generation(store);
	if (emptied || put_is_older(put, there))
		put_give_back(put);
	else if (there)
		put_replace(put, there, entry);
	else
		put_insert(put, entry);
	pthread_mutex_unlock(&store->lock);
	return !emptied;
}

bool cache_put(struct cache_reader *reader, struct text key, const struct cache_facts *facts,
	       struct text body)
{
	struct put put = {
		.store = reader->store,
		.key = key,
		.hash = hash_bytes(key.ptr, key.len, reader->store->seed),
		.facts = facts,
		.blocks = entry_blocks(key.len, body.len),
	};
	struct cache_entry *entry;

	assert(reader->in_use);
	assert(!reader->entered);
	assert(facts->operation < CACHE_OPERATIONS_MAX);
	reader->hash = put.hash;
	if (put.blocks > put.store->entry_blocks_max)
		return false;
	if (!put_begin(&put))
		return true;
	if (!put_gather(&put))
		return false;
	entry = entry_write(put.store->memory, &put.chain, key, body);
	entry->hash = put.hash;
	entry->node.generation = put.generation;
	entry->facts = *facts;
	return put_show(&put, entry);
}

/* --- out ------------------------------------------------------------------------------------- */

bool cache_drop(struct cache_reader *reader, struct text key)
{
	struct cache_store *store = reader->store;
	struct cache_entry *entry;

	assert(reader->in_use);
	assert(!reader->entered);
	reader->hash = hash_bytes(key.ptr, key.len, store->seed);
	pthread_mutex_lock(&store->lock);
	entry = store_search(store, reader->hash, key);
	if (entry)
		store_remove(store, entry);
	store_reclaim(store, STEP_MAX);
	pthread_mutex_unlock(&store->lock);
	return entry != NULL;
}

void cache_empty(struct cache_reader *reader)
{
	struct cache_store *store = reader->store;
	unsigned steps;

	assert(reader->in_use);
	assert(!reader->entered);
	pthread_mutex_lock(&store->lock);
	atomic_fetch_add_explicit(&store->generation, 1, memory_order_release);
	for (unsigned id = 0; id < S3_QUEUES; id++)
		store->stale[id] = store->fifo.queues[id].entries;
	pthread_mutex_unlock(&store->lock);
	for (unsigned done = 0; done < PURGE_MAX; done += steps) {
		pthread_mutex_lock(&store->lock);
		steps = store_purge(store, STEP_MAX);
		store_reclaim(store, STEP_MAX);
		pthread_mutex_unlock(&store->lock);
		if (!steps)
			break;
	}
}
