/* SPDX-License-Identifier: Apache-2.0 */
/* Reads by Content-Length, which every reply of ours has. */
#include "http_client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS_MAX 4000 /* a test that waits for more waits for what never comes */
#define TURN_US 5000

void http_client_open(struct http_client *client, struct loop *loop, uint16_t port)
{
	http_client_open_from(client, loop, port, "127.0.0.1");
}

void http_client_open_from(struct http_client *client, struct loop *loop, uint16_t port,
			   const char *source)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in name = { .sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int done;

	from.sin_addr.s_addr = inet_addr(source);
	client->loop = loop;
	buf_init(&client->in);
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(client->fd >= 0);
	done = bind(client->fd, (struct sockaddr *)&from, sizeof(from));
	assert(done == 0);
	done = connect(client->fd, (struct sockaddr *)&name, sizeof(name));
	assert(done == 0);
}

void http_client_close(struct http_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	buf_fini(&client->in);
	for (int i = 0; i < 4; i++)
		loop_turn(client->loop, 0);
}

bool http_client_send(struct http_client *client, const char *bytes, size_t len)
{
	size_t sent = 0;

	while (sent < len) {
		ssize_t done =
			send(client->fd, bytes + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (done > 0)
			sent += (size_t)done;
		else if (errno != EAGAIN)
			return false;
		else
			loop_turn(client->loop, TURN_US);
	}
	return true;
}

void http_client_say(struct http_client *client, const char *format, ...)
{
	struct buf out;
	va_list args;

	buf_init(&out);
	va_start(args, format);
	buf_vprintf(&out, format, args);
	va_end(args);
	(void)http_client_send(client, out.ptr, out.len);
	buf_fini(&out);
}

/* False: the connection has ended. */
static bool http_client_receive(struct http_client *client)
{
	char *at = buf_reserve(&client->in, 16384);
	ssize_t got = recv(client->fd, at, 16384, MSG_DONTWAIT);

	if (got > 0)
		client->in.len += (size_t)got;
	return got > 0 || (got < 0 && errno == EAGAIN);
}

const char *http_reply_header(const struct http_reply *reply, const char *name)
{
	static char value[1024];
	const char *line = strstr(reply->head, "\r\n");
	size_t len = strlen(name);

	while (line && line[2]) {
		line += 2;
		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			snprintf(value, sizeof(value), "%.*s", (int)strcspn(line + len + 2, "\r\n"),
				 line + len + 2);
			return value;
		}
		line = strstr(line, "\r\n");
	}
	return NULL;
}

static bool http_client_take(struct http_client *client, struct http_reply *reply,
			     bool without_body)
{
	const char *end = memmem(client->in.ptr, client->in.len, "\r\n\r\n", 4);
	const char *length;
	size_t head_len, taken;

	if (!end)
		return false;
	head_len = (size_t)(end - client->in.ptr) + 2;
	assert(head_len < sizeof(reply->head));
	memcpy(reply->head, client->in.ptr, head_len);
	reply->head[head_len] = '\0';
	length = http_reply_header(reply, "Content-Length");
	reply->body_len = length && !without_body ? strtoul(length, NULL, 10) : 0;
	assert(reply->body_len < sizeof(reply->body));
	taken = head_len + 2 + reply->body_len;
	if (client->in.len < taken)
		return false;
	memcpy(reply->body, client->in.ptr + head_len + 2, reply->body_len);
	reply->body[reply->body_len] = '\0';
	reply->status = (unsigned)strtoul(reply->head + strlen("HTTP/1.1 "), NULL, 10);
	memmove(client->in.ptr, client->in.ptr + taken, client->in.len - taken);
	client->in.len -= taken;
	return true;
}

static const struct http_reply *http_client_wait(struct http_client *client, bool without_body)
{
	static struct http_reply reply;

	reply.status = 0;
	reply.head[0] = reply.body[0] = '\0';
	for (int i = 0; i < TURNS_MAX; i++) {
		bool open = http_client_receive(client);

		if (client->in.len && http_client_take(client, &reply, without_body))
			break;
		if (!open)
			break;
		loop_turn(client->loop, TURN_US);
	}
	return &reply;
}

const struct http_reply *http_client_read(struct http_client *client)
{
	return http_client_wait(client, false);
}

const struct http_reply *http_client_read_head(struct http_client *client)
{
	return http_client_wait(client, true);
}

bool http_client_ended(struct http_client *client)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		if (!http_client_receive(client))
			return true;
		loop_turn(client->loop, TURN_US);
	}
	return false;
}

bool http_client_silent(struct http_client *client)
{
	for (int i = 0; i < 8; i++)
		loop_turn(client->loop, 0);
	return http_client_receive(client) && client->in.len == 0;
}
