/* SPDX-License-Identifier: Apache-2.0 */
/* Adds up what the loops have published, which is at most a second old. */
#include "cmd/hot_page.h"

#include "base/log.h"
#include "cmd/admin.h"
#include "router/hot.h"

#include <stdlib.h>
#include <string.h>

static double hot_share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static void hot_page_entry(struct buf *body, const struct hot_sum *sum,
			   const struct hot_entry *entry)
{
	buf_literal(body, "{\"name\":");
	buf_json_string(body, entry->name, strlen(entry->name));
	buf_printf(body,
		   ",\"requests_per_second\":%.3f,\"share\":%.4f"
		   ",\"db_seconds_per_second\":%.6f,\"db_share\":%.4f}",
		   entry->requests, hot_share(entry->requests, sum->requests), entry->db_s,
		   hot_share(entry->db_s, sum->db_s));
}

static void hot_page_write(struct buf *body, const struct hot_sum *sum)
{
	static const char *const names[HOT_KINDS] = {
		[HOT_OPERATIONS] = "operations",
		[HOT_USERS] = "users",
		[HOT_CALLERS] = "callers",
	};

	buf_printf(body,
		   "{\"window_seconds\":%.1f,\"requests_per_second\":%.3f"
		   ",\"db_seconds_per_second\":%.6f",
		   sum->window_s, sum->requests, sum->db_s);
	for (unsigned kind = 0; kind < HOT_KINDS; kind++) {
		buf_printf(body, ",\"%s\":[", names[kind]);
		for (size_t i = 0; i < sum->counts[kind] && i < HOT_KEYS_MAX; i++) {
			if (i)
				buf_byte(body, ',');
			hot_page_entry(body, sum, &sum->lines[kind][i].entry);
		}
		buf_byte(body, ']');
	}
	buf_literal(body, "}\n");
}

void hot_page(struct admin_reply *reply, void *arg)
{
	const struct admin *admin = arg;
	struct hot *hot = malloc(sizeof(*hot));
	struct hot_sum sum;

	if (!hot)
		log_fatal("admin", "out of memory");
	hot_sum_init(&sum);
	for (unsigned i = 0; i < admin->hots_count; i++)
		if (snapshot_read(admin->hots[i], hot))
			hot_sum_add(&sum, hot);
	hot_sum_sort(&sum);
	reply->status = 200;
	reply->content_type = "application/json";
	hot_page_write(&reply->body, &sum);
	hot_sum_fini(&sum);
	free(hot);
}
