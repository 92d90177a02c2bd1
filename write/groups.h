/* SPDX-License-Identifier: Apache-2.0 */
/* What a command has made stale, for caches in front: router/cache_groups.h. */
#pragma once

struct task;

/* The end of a command's task, or of a job's. */
void groups_note(struct task *task);
