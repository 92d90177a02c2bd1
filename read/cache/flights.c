/* SPDX-License-Identifier: Apache-2.0 */
/* A letter to each loop that has a follower; its desk finds by itself who has landed. */
#include "read/cache/flights.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FLIGHTS_BUCKETS 1024 /* a power of two */

struct cache_flight {
	struct cache_flight *next; /* of its bucket, until it has landed */
	uint64_t hash;
	uint64_t loops; /* a bit for each desk at which one follows */
	unsigned seats; /* of those who hold it */
	_Atomic bool landed;
	size_t key_len;
	char key[];
};

struct flight_desk {
	struct cache_flights *flights;
	struct loop *loop;
	unsigned number;
	struct list followers;
	struct letter letter;
	_Atomic bool posted;
};

struct cache_flights {
	pthread_mutex_t lock;
	uint64_t seed;
	struct cache_flight *buckets[FLIGHTS_BUCKETS];
	struct flight_desk *desks[LOOPS_MAX];
};
_Static_assert(LOOPS_MAX <= 64, "loops are a set of bits");

struct cache_flights *cache_flights_new(uint64_t seed)
{
	struct cache_flights *flights = calloc(1, sizeof(*flights));

	if (!flights)
		log_fatal("cache", "out of memory");
	flights->seed = seed;
	pthread_mutex_init(&flights->lock, NULL);
	return flights;
}

void cache_flights_free(struct cache_flights *flights)
{
	for (unsigned i = 0; i < FLIGHTS_BUCKETS; i++)
		assert(!flights->buckets[i]);
	pthread_mutex_destroy(&flights->lock);
	free(flights);
}

/* --- a desk ----------------------------------------------------------------------------------- */

static void flight_drop(struct cache_flights *flights, struct cache_flight *flight)
{
	unsigned left;

	pthread_mutex_lock(&flights->lock);
	left = --flight->seats;
	pthread_mutex_unlock(&flights->lock);
	if (!left)
		free(flight);
}

static void flight_sit(struct list *list, struct flight_seat *seat)
{
	list_append(list, &seat->link);
	seat->list = list;
}

void flight_leave(struct flight_desk *desk, struct flight_seat *seat)
{
	assert(!seat->leads);
	list_remove(seat->list, &seat->link);
	flight_drop(desk->flights, seat->flight);
	seat->flight = NULL;
}

static void flight_move_landed(struct flight_desk *desk, struct list *landed)
{
	struct list_link *it, *next;

	for (it = desk->followers.head.next; it != &desk->followers.head; it = next) {
		struct flight_seat *seat = container_of(it, struct flight_seat, link);

		next = it->next;
		if (!atomic_load_explicit(&seat->flight->landed, memory_order_acquire))
			continue;
		list_remove(&desk->followers, it);
		flight_sit(landed, seat);
	}
}

static void flight_on_letter(struct letter *letter, struct loop *loop)
{
	struct flight_desk *desk = container_of(letter, struct flight_desk, letter);
	struct list landed;

	(void)loop;
	list_init(&landed);
	atomic_store_explicit(&desk->posted, false, memory_order_seq_cst);
	flight_move_landed(desk, &landed);
	/* One that goes on may let others leave. */
	while (!list_empty(&landed)) {
		struct flight_seat *seat =
			container_of(list_first(&landed), struct flight_seat, link);

		flight_leave(desk, seat);
		seat->on_landed(seat);
	}
}

struct flight_desk *flight_desk_new(struct cache_flights *flights, struct loop *loop)
{
	struct flight_desk *desk = calloc(1, sizeof(*desk));

	if (!desk)
		log_fatal("cache", "out of memory");
	desk->flights = flights;
	desk->loop = loop;
	list_init(&desk->followers);
	desk->letter.on_delivery = flight_on_letter;
	pthread_mutex_lock(&flights->lock);
	while (flights->desks[desk->number])
		desk->number++;
	assert(desk->number < LOOPS_MAX);
	flights->desks[desk->number] = desk;
	pthread_mutex_unlock(&flights->lock);
	return desk;
}

void flight_desk_free(struct flight_desk *desk)
{
	struct cache_flights *flights = desk->flights;

	assert(list_empty(&desk->followers));
	pthread_mutex_lock(&flights->lock);
	flights->desks[desk->number] = NULL;
	pthread_mutex_unlock(&flights->lock);
	free(desk);
}

/* --- flights ---------------------------------------------------------------------------------- */

static struct cache_flight **flight_place(struct cache_flights *flights, uint64_t hash,
					  struct text key)
{
	struct cache_flight **at = &flights->buckets[hash & (FLIGHTS_BUCKETS - 1)];

	while (*at && ((*at)->hash != hash || (*at)->key_len != key.len ||
		       memcmp((*at)->key, key.ptr, key.len) != 0))
		at = &(*at)->next;
	return at;
}

static struct cache_flight *flight_new(uint64_t hash, struct text key)
{
	struct cache_flight *flight = calloc(1, sizeof(*flight) + key.len);

	if (!flight)
		log_fatal("cache", "out of memory");
	flight->hash = hash;
	flight->key_len = key.len;
	memcpy(flight->key, key.ptr, key.len);
	return flight;
}

bool flight_board(struct flight_desk *desk, struct flight_seat *seat, struct text key)
{
	struct cache_flights *flights = desk->flights;
	uint64_t hash = hash_bytes(key.ptr, key.len, flights->seed);
	struct cache_flight **at;

	assert(!seat->flight);
	pthread_mutex_lock(&flights->lock);
	at = flight_place(flights, hash, key);
	seat->leads = !*at;
	if (seat->leads)
		*at = flight_new(hash, key);
	else
		(*at)->loops |= UINT64_C(1) << desk->number;
	seat->flight = *at;
	seat->flight->seats++;
	pthread_mutex_unlock(&flights->lock);
	if (!seat->leads)
		flight_sit(&desk->followers, seat);
	return seat->leads;
}

/* Under the lock, so that its loop is there. One that takes no letter finds out later. */
static void flight_post(struct flight_desk *desk)
{
	if (atomic_exchange_explicit(&desk->posted, true, memory_order_seq_cst))
		return;
	if (!loop_post(desk->loop, &desk->letter))
		atomic_store_explicit(&desk->posted, false, memory_order_seq_cst);
}

void flight_land(struct flight_desk *desk, struct flight_seat *seat)
{
	struct cache_flights *flights = desk->flights;
	struct cache_flight *flight = seat->flight;
	struct cache_flight **at;

	if (!seat->leads)
		return;
	seat->leads = false;
	seat->flight = NULL;
	pthread_mutex_lock(&flights->lock);
	at = &flights->buckets[flight->hash & (FLIGHTS_BUCKETS - 1)];
	while (*at != flight)
		at = &(*at)->next;
	*at = flight->next;
	atomic_store_explicit(&flight->landed, true, memory_order_release);
	for (unsigned i = 0; i < LOOPS_MAX; i++)
		if (flight->loops >> i & 1 && flights->desks[i])
			flight_post(flights->desks[i]);
	pthread_mutex_unlock(&flights->lock);
	flight_drop(flights, flight);
}
