/* SPDX-License-Identifier: Apache-2.0 */
/* Health in JSON, metrics in Prometheus text. */
#include "cmd/admin.h"
#include "cmd/cache_gauges.h"

#include "cmd/serve_keys.h"
#include "cmd/version.h"
#include "router/cluster/node_status.h"

#include <dirent.h>
#include <string.h>

void admin_livez(struct admin_reply *reply, void *arg)
{
	(void)arg;
	reply->status = 200;
	reply->content_type = "text/plain; charset=utf-8";
	buf_literal(&reply->body, "alive\n");
}

bool admin_serves_queries(const struct topology *topology)
{
	if (!topology->key_known)
		return false;
	for (unsigned i = 0; i < topology->count; i++)
		if (node_is_up(&topology->nodes[i]) && topology->nodes[i].in_rotation)
			return true;
	return topology->primary >= 0;
}

void admin_read(const struct admin *admin, struct topology *topology)
{
	memset(topology, 0, sizeof(*topology));
	topology->primary = -1;
	if (!snapshot_read(admin->reader, topology))
		topology->count = 0;
}

/* What an operator has to mend. */
static void admin_fault(struct buf *body, const struct node_view *view)
{
	if (view->foreign)
		buf_literal(body, ",\"fault\":\"it belongs to another cluster\"");
	else if (view->short_of)
		buf_printf(body, ",\"fault\":\"replay is paused: %s is less than the primary's\"",
			   node_status_limit_names[view->short_of - 1]);
	else if (view->full)
		buf_printf(body, ",\"fault\":\"it is up, but %s\"", conn_limit_text(view->full));
}

static void admin_node(struct buf *body, const char *name, const struct node_view *view)
{
	buf_literal(body, "{\"node\":");
	buf_json_string(body, name, strlen(name));
	buf_printf(body, ",\"role\":\"%s\",\"up\":%s,\"in_rotation\":%s,\"timeline\":%u",
		   node_role_text(view->role), node_is_up(view) ? "true" : "false",
		   view->in_rotation ? "true" : "false", branch_number(view->position.timeline));
	buf_printf(body, ",\"fenced\":%s", view->fenced ? "true" : "false");
	admin_fault(body, view);
	if (view->lag_us >= 0)
		buf_printf(body, ",\"lag_seconds\":%.3f", (double)view->lag_us / 1e6);
	else
		buf_literal(body, ",\"lag_seconds\":null");
	if (view->lag_bytes >= 0)
		buf_printf(body, ",\"lag_bytes\":%lld}", (long long)view->lag_bytes);
	else
		buf_literal(body, ",\"lag_bytes\":null}");
}

/* May answers of the read index be confirmed, or what keeps them from it? */
static void admin_confirmation(struct buf *body, const struct admin *admin,
			       const struct confirmation *confirmation)
{
	const char *node = confirmation->node < 0 ? "" : admin->nodes[confirmation->node]->name;

	buf_printf(body, ",\"confirms\":%s", confirmation->needed ? "true" : "false");
	if (confirmation->needed)
		return;
	buf_printf(body, ",\"unconfirmed\":\"%s", confirmation_lack_text(confirmation->lack));
	buf_printf(body, *node ? " (%s)\"" : "%s\"", node);
}

/* For the operator alone. */
static void admin_cluster(struct buf *body, const struct admin *admin,
			  const struct topology *topology)
{
	buf_printf(body, ",\"operations\":%u,\"sessions\":\"%s\"", admin->operations,
		   admin->shares_sessions ? "cluster" : "local");
	admin_confirmation(body, admin, &topology->confirmation);
	if (topology->schema_missing && !topology->key_known)
		buf_literal(body, ",\"detail\":\"the cqrsd schema is missing: run cqrsd migrate\"");
	/* Who claims to be primary is not: a node of this timeline is waited for. */
	if (topology->primary < 0 && topology->primary_seen)
		buf_printf(body, ",\"awaited_timeline\":%u",
			   branch_number(topology->primary_position.timeline));
	buf_literal(body, ",\"nodes\":[");
	for (unsigned i = 0; i < topology->count; i++) {
		if (i)
			buf_byte(body, ',');
		admin_node(body, admin->nodes[i]->name, &topology->nodes[i]);
	}
	buf_byte(body, ']');
}

void admin_readyz(struct admin_reply *reply, void *arg)
{
	const struct admin *admin = arg;
	struct topology topology;
	struct buf *body = &reply->body;
	bool queries, commands, readiness = atomic_load(admin->readiness) > 0;

	admin_read(admin, &topology);
	queries = admin_serves_queries(&topology) && !admin->draining && !readiness;
	commands = queries && topology.primary >= 0;
	reply->status = queries ? 200 : 503;
	reply->content_type = "application/json";
	buf_printf(body, "{\"status\":\"%s\",\"queries\":%s,\"commands\":%s",
		   admin->draining ? "draining"
		   : readiness     ? "starting"
		   : queries       ? "ready"
				   : "not-ready",
		   queries ? "true" : "false", commands ? "true" : "false");
	if (reply->trusted)
		admin_cluster(body, admin, &topology);
	buf_literal(body, "}\n");
}

static unsigned admin_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count > 3 ? count - 3 : 0; /* without ".", ".." and the folder itself */
}

static void admin_gauge_nodes(const struct admin *admin)
{
	struct metrics *metrics = admin->metrics;
	struct topology topology;

	admin_read(admin, &topology);
	metric_set(metrics, METRIC_branches_given_up, NULL, topology.branches.era);
	metric_forget(metrics, METRIC_node_up);
	metric_forget(metrics, METRIC_node_fenced);
	metric_forget(metrics, METRIC_node_foreign);
	metric_forget(metrics, METRIC_replica_lag_seconds);
	metric_forget(metrics, METRIC_replica_lag_bytes);
	for (unsigned i = 0; i < topology.count; i++) {
		const struct node_view *view = &topology.nodes[i];
		const char *name = admin->nodes[i]->name;

		metric_set(metrics, METRIC_node_up, METRIC_LABELS(name, node_role_text(view->role)),
			   node_is_up(view));
		metric_set(metrics, METRIC_node_fenced, METRIC_LABELS(name), view->fenced);
		metric_set(metrics, METRIC_node_foreign, METRIC_LABELS(name), view->foreign);
		if (view->role != NODE_REPLICA)
			continue;
		if (view->lag_us >= 0)
			metric_set(metrics, METRIC_replica_lag_seconds, METRIC_LABELS(name),
				   (double)view->lag_us / 1e6);
		if (view->lag_bytes >= 0)
			metric_set(metrics, METRIC_replica_lag_bytes, METRIC_LABELS(name),
				   (double)view->lag_bytes);
	}
}

void admin_metrics(struct admin_reply *reply, void *arg)
{
	const struct admin *admin = arg;
	struct metrics *metrics = admin->metrics;

	admin_gauge_nodes(admin);
	serve_keys_gauges(admin->keys, metrics);
	metric_set(metrics, METRIC_sessions, NULL, (double)sessions_count(admin->sessions));
	cache_gauges(admin->cache, metrics);
	metric_set(metrics, METRIC_open_fds, NULL, admin_open_fds());
	metric_set(metrics, METRIC_build_info, METRIC_LABELS(version_text(), revision_text()), 1);
	reply->status = 200;
	reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_write(&reply->body);
}
