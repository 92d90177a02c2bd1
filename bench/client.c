/* SPDX-License-Identifier: Apache-2.0 */
/* A list per state; one function moves between them. Latency counts from the plan. */
#include "bench/client.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void client_move(struct load *load, struct client *client, enum client_state next)
{
	list_remove(&load->lists[client->state], &client->link);
	client->state = next;
	list_append(&load->lists[next], &client->link);
}

static void client_close(struct load *load, struct client *client)
{
	assert(client->fd >= 0);
	close(client->fd);
	client->fd = -1;
	client->wants_out = false;
	client_move(load, client, CLIENT_CLOSED);
}

struct load_result *client_result(struct load *load, const struct client *client)
{
	size_t number = (size_t)(client->class - load->options->mix.classes);

	return client->reading_back ? &load->results->reads[number]
				    : &load->results->classes[number];
}

void client_unanswered(struct load *load, struct client *client, const char *why)
{
	struct load_result *result;

	if (!client->has_call)
		return;
	client->has_call = false;
	if (!client->counts)
		return;
	result = client_result(load, client);
	tally_add(&result->outcomes, text_of(why), 1);
	histogram_record(&result->answered, clock_monotonic_us() - client->planned_us);
}

void client_fail(struct load *load, struct client *client, const char *why)
{
	client_unanswered(load, client, why);
	client_close(load, client);
}

static void client_watch(struct load *load, struct client *client, int how, bool out)
{
	struct epoll_event event = { .events = EPOLLIN | (out ? EPOLLOUT : 0u),
				     .data.ptr = client };
	int failed = epoll_ctl(load->epoll, how, client->fd, &event);

	assert(!failed);
	client->wants_out = out;
}

/* Those after 127.0.0.1. The port is chosen when it connects, else few are left. */
static void client_bind(const struct load *load, const struct client *client)
{
	uint64_t turn = (uint64_t)(client - load->clients) % load->options->sources_count;
	struct sockaddr_in from = { .sin_family = AF_INET };
	int one = 1;

	from.sin_addr.s_addr = htonl((uint32_t)(INADDR_LOOPBACK + 1 + turn));
	(void)setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	(void)bind(client->fd, (const struct sockaddr *)&from, sizeof(from));
}

bool client_dial(struct load *load, struct client *client)
{
	const struct load_options *options = load->options;
	int one = 1;

	client->fd =
		socket(options->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd < 0) {
		load->dial_errno = errno;
		return false;
	}
	(void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (options->sources_count)
		client_bind(load, client);
	if (connect(client->fd, (const struct sockaddr *)&options->address, options->address_len) &&
	    errno != EINPROGRESS) {
		load->dial_errno = errno;
		close(client->fd);
		client->fd = -1;
		return false;
	}
	client_watch(load, client, EPOLL_CTL_ADD, true);
	client->deadline_us = clock_monotonic_us() + options->timeout_us;
	client_move(load, client, CLIENT_DIALING);
	return true;
}

static void client_write(struct load *load, struct client *client)
{
	while (client->out_done < client->out.len) {
		ssize_t sent = send(client->fd, client->out.ptr + client->out_done,
				    client->out.len - client->out_done, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN) {
			client_fail(load, client, "lost");
			return;
		}
		if (sent < 0)
			break;
		client->out_done += (size_t)sent;
	}
	if (client->wants_out != (client->out_done < client->out.len))
		client_watch(load, client, EPOLL_CTL_MOD, !client->wants_out);
}

void client_send(struct load *load, struct client *client)
{
	client->deadline_us = clock_monotonic_us() + load->options->timeout_us;
	client_move(load, client, CLIENT_BUSY);
	reply_start(&client->reply);
	client->out_done = 0;
	client_write(load, client);
}

void client_compose(struct load *load, struct client *client)
{
	const struct load_options *options = load->options;
	const struct mix_class *class = client->class;
	bool posts = class->kind != MIX_GET && !client->reading_back;
	struct buf *out = &client->out;

	buf_clear(out);
	buf_string(out, posts ? "POST " : "GET ");
	mix_render(client->reading_back ? &class->read : &class->target, &client->values,
		   &load->random, out);
	buf_string(out, " HTTP/1.1\r\nHost: ");
	buf_string(out, options->to);
	if (options->users_count)
		buf_printf(out, "\r\nX-User-Id: u%llu", (unsigned long long)client->values.user);
	for (unsigned i = 0; i < options->headers_count; i++)
		buf_printf(out, "\r\n%s", options->headers[i]);
	if (posts) {
		buf_clear(&load->body);
		mix_render(&class->body, &client->values, &load->random, &load->body);
		buf_string(out, "\r\nContent-Type: application/json\r\nContent-Length: ");
		buf_int(out, (int64_t)load->body.len);
	}
	buf_string(out, "\r\n\r\n");
	if (posts)
		buf_add(out, load->body.ptr, load->body.len);
}

static void client_read_back(struct load *load, struct client *client, int64_t now_us)
{
	client->reading_back = true;
	client->has_call = true;
	client->planned_us = now_us;
	if (client->counts)
		client_result(load, client)->planned++;
	client_compose(load, client);
	client_send(load, client);
}

static bool client_sees_its_write(const struct client *client)
{
	char unique[24];
	int len =
		snprintf(unique, sizeof(unique), "%llu", (unsigned long long)client->values.unique);

	return memmem(client->reply.body.ptr, client->reply.body.len, unique, (size_t)len) != NULL;
}

static void client_count(struct load *load, struct client *client, int64_t now_us)
{
	struct load_result *result = client_result(load, client);
	struct reply *reply = &client->reply;
	int64_t took_us = now_us - client->planned_us;
	bool ok = reply->status < 300;
	/* Who is told 504 was let in and waited, as who is told nothing. */
	bool refused = !ok && reply->status != 504;
	struct text code = ok ? TEXT("2xx") : reply_code(reply);
	char status[24];

	if (!code.ptr) {
		snprintf(status, sizeof(status), "status-%d", reply->status);
		code = text_of(status);
	}
	tally_add(&result->outcomes, code, 1);
	histogram_record(refused ? &result->refused : &result->answered, took_us);
	result->ok += ok;
	result->good += ok && took_us <= load->options->good_us;
	result->body_bytes += reply->body_bytes;
	if (*reply->served)
		tally_add(&result->served, text_of(reply->served), 1);
	if (reply->waited_us >= 0)
		histogram_record(&result->waited, reply->waited_us);
	if (ok && client->reading_back && !client_sees_its_write(client))
		result->stale++;
}

static void client_answered(struct load *load, struct client *client)
{
	int64_t now_us = clock_monotonic_us();
	bool first_of_pair = client->class->kind == MIX_PAIR && !client->reading_back;

	assert(client->has_call);
	client->has_call = false;
	if (client->counts)
		client_count(load, client, now_us);
	if (client->reply.close) {
		client_close(load, client);
		return;
	}
	client_move(load, client, CLIENT_IDLE);
	if (first_of_pair && client->reply.status < 300)
		client_read_back(load, client, now_us);
}

static void client_readable(struct load *load, struct client *client)
{
	ssize_t got = recv(client->fd, load->read, sizeof(load->read), 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (client->state == CLIENT_IDLE) {
		/* A server may close what rests; it may not speak unasked. */
		client_close(load, client);
		return;
	}
	if (got > 0)
		reply_feed(&client->reply, load->read, (size_t)got);
	else
		reply_ended(&client->reply);
	if (client->reply.state == REPLY_DONE)
		client_answered(load, client);
	else if (client->reply.state == REPLY_BAD)
		client_fail(load, client, got > 0 ? "bad-reply" : "lost");
}

static void client_dialed(struct load *load, struct client *client)
{
	int wrong = 0;
	socklen_t len = sizeof(wrong);

	if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &wrong, &len) || wrong) {
		load->dial_errno = wrong;
		client_fail(load, client, "connect");
		return;
	}
	if (client->has_call) {
		client_send(load, client);
		return;
	}
	client_watch(load, client, EPOLL_CTL_MOD, false);
	client_move(load, client, CLIENT_IDLE);
}

void client_ready(struct load *load, struct client *client, unsigned events)
{
	switch (client->state) {
	case CLIENT_CLOSED:
		return;
	case CLIENT_DIALING:
		client_dialed(load, client);
		return;
	case CLIENT_BUSY:
		if (events & EPOLLOUT)
			client_write(load, client);
		if (client->state == CLIENT_BUSY && events & ~(unsigned)EPOLLOUT)
			client_readable(load, client);
		return;
	case CLIENT_IDLE:
		client_readable(load, client);
		return;
	case CLIENT_STATES:
		break;
	}
	assert(!"a state of a client");
}
