/* SPDX-License-Identifier: Apache-2.0 */
/* A page is found by the whole path, from the first row on. */
#include "cmd/admin_pages.h"

#include "cmd/admin.h"
#include "cmd/cache_page.h"
#include "cmd/heavy_hitters_page.h"
#include "cmd/jobs_page.h"
#include "cmd/requests_page.h"

const struct admin_page admin_pages[] = {
	{ "/livez", .answer = admin_livez, .is_open = true },
	{ "/readyz", .answer = admin_readyz, .is_open = true },
	{ "/metrics", .answer = admin_metrics },
	{ "/admin/api/hot", .answer = heavy_hitters_page },
	{ "/admin/api/requests", .answer = requests_page },
	{ "/admin/api/cache", .answer = cache_page },
	{ "/admin/api/jobs", .take = jobs_page_list },
	{ "/admin/api/jobs/replay", .take = jobs_page_replay, .event = "jobs-replay" },
	{ "/admin/api/jobs/discard", .take = jobs_page_discard, .event = "jobs-discard" },
	{ "/admin/api/jobs/cancel", .take = jobs_page_cancel, .event = "jobs-cancel" },
	{ "/admin/api/jobs/pause", .take = jobs_page_pause, .event = "jobs-pause" },
	{ "/admin/api/jobs/resume", .take = jobs_page_resume, .event = "jobs-resume" },
	{ "/admin/api/jobs/schedules", .take = jobs_page_schedules },
	{ "/admin/api/jobs/", .take = jobs_page_show },
	{ .path = NULL },
};
