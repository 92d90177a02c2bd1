/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table by name, and for each good a binary heap in which a caller knows its slot. */
#include "http/socket/callers.h"

#include "base/hash.h"
#include "base/log.h"
#include "http/socket/client_address.h"
#include "http/socket/peer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CALLERS_HEAP_ROOM 16 /* to begin with */

void callers_init(struct callers *callers, uint64_t seed)
{
	memset(callers, 0, sizeof(*callers));
	callers->seed = seed;
}

void callers_fini(struct callers *callers)
{
	for (size_t i = 0; i < HTTP_CALLERS_BUCKETS; i++)
		assert(!callers->buckets[i]);
	for (size_t good = 0; good < CALLERS_GOODS; good++) {
		assert(callers->most[good].count == 0);
		free(callers->most[good].heap);
	}
}

/* --- who? ------------------------------------------------------------------------------------- */

/* Where it is, or would be, linked. */
static struct caller **callers_find(struct callers *callers, const char *name)
{
	uint64_t hash = hash_bytes(name, strlen(name), callers->seed);
	struct caller **at = &callers->buckets[hash % HTTP_CALLERS_BUCKETS];

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

struct caller *callers_take(struct callers *callers, const struct sockaddr *address)
{
	char name[CLIENT_ADDRESS_BYTES_MAX + 1];
	struct caller **at, *caller;
	uid_t uid;

	client_address_text(address, name);
	at = callers_find(callers, name);
	caller = *at;
	if (!caller) {
		caller = calloc(1, sizeof(*caller));
		if (!caller)
			log_fatal("http", "out of memory");
		memcpy(caller->name, name, sizeof(name));
		caller->uid = peer_uid(address, &uid) ? (int64_t)uid : -1;
		list_init(&caller->connections);
		list_init(&caller->newcomers);
		*at = caller;
	}
	caller->users++;
	return caller;
}

void callers_release(struct callers *callers, struct caller *caller)
{
	struct caller **at;

	assert(caller->users > 0);
	if (--caller->users)
		return;
	assert(list_empty(&caller->connections));
	assert(list_empty(&caller->newcomers));
	for (size_t good = 0; good < CALLERS_GOODS; good++)
		assert(caller->held[good] == 0);
	at = callers_find(callers, caller->name);
	assert(*at == caller);
	*at = caller->next;
	free(caller);
}

/* --- how much? -------------------------------------------------------------------------------- */

static void callers_put(struct callers *callers, enum callers_good good, size_t slot,
			struct caller *caller)
{
	callers->most[good].heap[slot] = caller;
	caller->slot[good] = slot;
}

static void callers_up(struct callers *callers, enum callers_good good, struct caller *caller)
{
	struct caller **heap = callers->most[good].heap;
	size_t slot = caller->slot[good];

	for (; slot > 1 && heap[slot / 2]->held[good] < caller->held[good]; slot /= 2)
		callers_put(callers, good, slot, heap[slot / 2]);
	callers_put(callers, good, slot, caller);
}

static void callers_down(struct callers *callers, enum callers_good good, struct caller *caller)
{
	struct caller **heap = callers->most[good].heap;
	size_t slot = caller->slot[good], child, count = callers->most[good].count;

	for (; (child = 2 * slot) <= count; slot = child) {
		if (child < count && heap[child + 1]->held[good] > heap[child]->held[good])
			child++;
		if (heap[child]->held[good] <= caller->held[good])
			break;
		callers_put(callers, good, slot, heap[child]);
	}
	callers_put(callers, good, slot, caller);
}

static void callers_enter(struct callers *callers, enum callers_good good, struct caller *caller)
{
	size_t slot = ++callers->most[good].count;

	if (slot >= callers->most[good].room) {
		size_t room = slot < CALLERS_HEAP_ROOM ? CALLERS_HEAP_ROOM : 2 * slot;
		struct caller **heap = realloc(callers->most[good].heap, room * sizeof(*heap));

		if (!heap)
			log_fatal("http", "out of memory");
		callers->most[good].heap = heap;
		callers->most[good].room = room;
	}
	callers_put(callers, good, slot, caller);
}

/* It holds nothing, and so is a leaf by now; the last one may be more than what is above there. */
static void callers_leave(struct callers *callers, enum callers_good good, struct caller *caller)
{
	size_t slot = caller->slot[good];
	struct caller *last = callers->most[good].heap[callers->most[good].count--];

	caller->slot[good] = 0;
	if (last == caller)
		return;
	callers_put(callers, good, slot, last);
	callers_up(callers, good, last);
}

void callers_hold(struct callers *callers, struct caller *caller, enum callers_good good,
		  uint64_t amount)
{
	if (!amount)
		return;
	if (!caller->slot[good])
		callers_enter(callers, good, caller);
	caller->held[good] += amount;
	callers_up(callers, good, caller);
}

void callers_let_go(struct callers *callers, struct caller *caller, enum callers_good good,
		    uint64_t amount)
{
	assert(caller->held[good] >= amount);
	if (!amount)
		return;
	caller->held[good] -= amount;
	callers_down(callers, good, caller);
	if (!caller->held[good])
		callers_leave(callers, good, caller);
}

struct caller *callers_most(const struct callers *callers, enum callers_good good)
{
	return callers->most[good].count ? callers->most[good].heap[1] : NULL;
}
