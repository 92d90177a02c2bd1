/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /admin/api/jobs: what cqrsd jobs does, for a service that runs. Criteria are members of the query
 * string of a GET, and of the JSON object of a POST, which also has "dry_run" and "all". A change
 * goes on for some seconds at most: "complete" says whether the same request has more to do.
 */
#pragma once

struct request;

/* arg: a struct admin (cmd/admin.h). */
void jobs_page_list(struct request *request, void *arg);
void jobs_page_show(struct request *request, void *arg);
void jobs_page_replay(struct request *request, void *arg);
void jobs_page_discard(struct request *request, void *arg);
void jobs_page_cancel(struct request *request, void *arg);
void jobs_page_pause(struct request *request, void *arg);
void jobs_page_resume(struct request *request, void *arg);
void jobs_page_schedules(struct request *request, void *arg);
