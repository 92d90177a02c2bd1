/* SPDX-License-Identifier: Apache-2.0 */
/* What the loops have published, which is at most a second old, sorted by age for all together. */
#include "cmd/requests_page.h"

#include "base/clock.h"
#include "base/log.h"
#include "cmd/admin.h"
#include "cmd/in_flight.h"

#include <stdlib.h>
#include <string.h>

#define REQUESTS_PAGE_MAX 100

struct shown {
	unsigned requests;
	size_t count;
	struct in_flight_entry *entries;
};

static int requests_page_order(const void *a, const void *b)
{
	const struct in_flight_entry *one = a, *other = b;

	return (one->born_us > other->born_us) - (one->born_us < other->born_us);
}

static void requests_page_gather(const struct admin *admin, struct shown *shown)
{
	struct in_flight *loop = malloc(sizeof(*loop));

	shown->entries = calloc(admin->loops_count * IN_FLIGHT_MAX + 1, sizeof(*shown->entries));
	if (!loop || !shown->entries)
		log_fatal("admin", "out of memory");
	for (unsigned i = 0; i < admin->loops_count; i++) {
		if (!snapshot_read(admin->in_flight[i], loop))
			continue;
		shown->requests += loop->requests;
		memcpy(shown->entries + shown->count, loop->entries,
		       loop->count * sizeof(loop->entries[0]));
		shown->count += loop->count;
	}
	free(loop);
	qsort(shown->entries, shown->count, sizeof(shown->entries[0]), requests_page_order);
}

static void requests_page_entry(struct buf *body, const struct in_flight_entry *entry,
				int64_t now_us)
{
	buf_literal(body, "{\"id\":");
	buf_json_string(body, entry->id, strlen(entry->id));
	buf_printf(body, ",\"kind\":\"%s\",\"operation\":", entry->kind);
	buf_json_string(body, entry->operation, strlen(entry->operation));
	buf_printf(body, ",\"state\":\"%s\",\"waits_for\":\"%s\",\"node\":", entry->state,
		   entry->waits_for);
	if (entry->node)
		buf_json_string(body, entry->node, strlen(entry->node));
	else
		buf_literal(body, "null");
	buf_printf(body, ",\"age_seconds\":%.3f}", (double)(now_us - entry->born_us) / 1e6);
}

void requests_page(struct admin_reply *reply, void *arg)
{
	struct shown shown = { .count = 0 };
	int64_t now_us = clock_monotonic_us();
	struct buf *body = &reply->body;

	requests_page_gather(arg, &shown);
	reply->status = 200;
	reply->content_type = "application/json";
	buf_printf(body, "{\"in_flight\":%u,\"requests\":[", shown.requests);
	for (size_t i = 0; i < shown.count && i < REQUESTS_PAGE_MAX; i++) {
		if (i)
			buf_byte(body, ',');
		requests_page_entry(body, &shown.entries[i], now_us);
	}
	buf_literal(body, "]}\n");
	free(shown.entries);
}
