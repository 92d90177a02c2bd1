/* SPDX-License-Identifier: Apache-2.0 */
/* What the counting threads and a scrape share. */
#include "base/metrics_series.h"

pthread_mutex_t metrics_lock = PTHREAD_MUTEX_INITIALIZER;
struct metrics *metrics_threads;
