/* SPDX-License-Identifier: Apache-2.0 */
/* Adds up what the loops have published, which is at most a second old. */
#include "cmd/heavy_hitters_page.h"

#include "base/log.h"
#include "cmd/admin.h"
#include "router/heavy_hitters.h"

#include <stdlib.h>
#include <string.h>

static double heavy_hitters_share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static void heavy_hitters_page_entry(struct buf *body, const struct heavy_hitters_sum *sum,
				     const struct heavy_hitters_entry *entry)
{
	buf_literal(body, "{\"name\":");
	buf_json_string(body, entry->name, strlen(entry->name));
	buf_printf(body,
		   ",\"requests_per_second\":%.3f,\"share\":%.4f"
		   ",\"db_seconds_per_second\":%.6f,\"db_share\":%.4f}",
		   entry->requests, heavy_hitters_share(entry->requests, sum->requests),
		   entry->db_s, heavy_hitters_share(entry->db_s, sum->db_s));
}

static void heavy_hitters_page_write(struct buf *body, const struct heavy_hitters_sum *sum)
{
	static const char *const names[HEAVY_HITTERS_KINDS] = {
		[HEAVY_HITTERS_OPERATIONS] = "operations",
		[HEAVY_HITTERS_USERS] = "users",
		[HEAVY_HITTERS_CALLERS] = "callers",
	};

	buf_printf(body,
		   "{\"window_seconds\":%.1f,\"requests_per_second\":%.3f"
		   ",\"db_seconds_per_second\":%.6f",
		   sum->window_s, sum->requests, sum->db_s);
	for (unsigned kind = 0; kind < HEAVY_HITTERS_KINDS; kind++) {
		buf_printf(body, ",\"%s\":[", names[kind]);
		for (size_t i = 0; i < sum->counts[kind] && i < HEAVY_HITTERS_KEYS_MAX; i++) {
			if (i)
				buf_byte(body, ',');
			heavy_hitters_page_entry(body, sum, &sum->lines[kind][i].entry);
		}
		buf_byte(body, ']');
	}
	buf_literal(body, "}\n");
}

void heavy_hitters_page(struct admin_reply *reply, void *arg)
{
	const struct admin *admin = arg;
	struct heavy_hitters *hitters = malloc(sizeof(*hitters));
	struct heavy_hitters_sum sum;

	if (!hitters)
		log_fatal("admin", "out of memory");
	heavy_hitters_sum_init(&sum);
	for (unsigned i = 0; i < admin->loops_count; i++)
		if (snapshot_read(admin->hitters[i], hitters))
			heavy_hitters_sum_add(&sum, hitters);
	heavy_hitters_sum_sort(&sum);
	reply->status = 200;
	reply->content_type = "application/json";
	heavy_hitters_page_write(&reply->body, &sum);
	heavy_hitters_sum_fini(&sum);
	free(hitters);
}
