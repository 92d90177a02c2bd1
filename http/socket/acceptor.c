/* SPDX-License-Identifier: Apache-2.0 */
/* The socket is watched by level: what is left over in one turn is met again in the next. */
#include "http/socket/acceptor.h"

#include "base/limits.h"
#include "base/log.h"
#include "http/socket/peer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TCP_SYN 0x02
#define TCP_ACK 0x10

enum accepted { ACCEPTED, ACCEPTED_NONE, ACCEPTED_LATER };

static int acceptor_take(struct acceptor *acceptor, struct sockaddr_storage *name, socklen_t *len)
{
	*len = sizeof(*name);
	return accept4(acceptor->fd, (struct sockaddr *)name, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* Of all acceptors: lent, or lost to another thread, and not had back. */
static atomic_uint reserves_missing;

static bool acceptor_is_whole(const struct acceptor *acceptor)
{
	return acceptor->reserves_count == HTTP_RESERVES;
}

static void acceptor_hold_reserves(struct acceptor *acceptor)
{
	int fd;

	while (!acceptor_is_whole(acceptor) &&
	       (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) {
		acceptor->reserves[acceptor->reserves_count++] = fd;
		atomic_fetch_sub(&reserves_missing, 1);
	}
}

static void acceptor_lend_reserve(struct acceptor *acceptor)
{
	atomic_fetch_add(&reserves_missing, 1);
	close(acceptor->reserves[--acceptor->reserves_count]);
}

static void acceptor_try_later(struct acceptor *acceptor)
{
	loop_timer_set(acceptor->loop, &acceptor->pause,
		       loop_now(acceptor->loop) + HTTP_ACCEPT_PAUSE_US);
}

/* There is no descriptor but the reserved ones. */
static enum accepted acceptor_refuse(struct acceptor *acceptor)
{
	struct sockaddr_storage name;
	socklen_t len;
	bool none;
	int fd;

	if (!acceptor->reserves_count)
		return ACCEPTED_LATER;
	acceptor_lend_reserve(acceptor);
	fd = acceptor_take(acceptor, &name, &len);
	none = fd < 0 && errno == EAGAIN;
	if (fd >= 0)
		acceptor->on_full(acceptor, fd);
	acceptor_hold_reserves(acceptor);
	/* Another thread may have been quicker. */
	if (!acceptor->reserves_count || (fd < 0 && !none))
		return ACCEPTED_LATER;
	if (!acceptor_is_whole(acceptor))
		acceptor_try_later(acceptor);
	return none ? ACCEPTED_NONE : ACCEPTED;
}

/* Of a Unix socket that was shut down EINVAL comes once no client waits there any more. */
static enum accepted acceptor_failed(struct acceptor *acceptor)
{
	switch (errno) {
	case EAGAIN:
		return ACCEPTED_NONE;
	case EMFILE:
	case ENFILE:
		return acceptor_refuse(acceptor);
	case EINVAL:
	case ENOMEM:
	case ENOBUFS:
		return ACCEPTED_LATER;
	default:
		return ACCEPTED; /* this connection has failed, not the socket: accept(2) */
	}
}

static void acceptor_hand_over(struct acceptor *acceptor, int fd, struct sockaddr_storage *name,
			       socklen_t len)
{
	struct sockaddr_un peer;

	/* Never what the client has bound its own end to. */
	if (acceptor->is_unix) {
		if (!peer_address(fd, &peer))
			peer = (struct sockaddr_un){ .sun_family = AF_UNIX };
		memcpy(name, &peer, sizeof(peer));
		len = sizeof(peer);
	}
	acceptor->on_connection(acceptor, fd, (struct sockaddr *)name, len);
}

static enum accepted acceptor_once(struct acceptor *acceptor)
{
	struct sockaddr_storage name;
	socklen_t len;
	int fd = acceptor_take(acceptor, &name, &len);

	/* What it came by may be the descriptor that an acceptor lacks. */
	if (fd >= 0 && atomic_load(&reserves_missing)) {
		acceptor->on_full(acceptor, fd);
		return ACCEPTED;
	}
	if (fd >= 0) {
		acceptor_hand_over(acceptor, fd, &name, len);
		return ACCEPTED;
	}
	return acceptor_failed(acceptor);
}

static void acceptor_pause(struct acceptor *acceptor)
{
	log_debug("http", "no connection can be accepted at the moment");
	loop_unwatch(acceptor->loop, &acceptor->watch);
	acceptor_try_later(acceptor);
}

/* Without a reserve it accepts none: it could not refuse the next. */
static void acceptor_resume(struct acceptor *acceptor)
{
	acceptor_hold_reserves(acceptor);
	if (!acceptor->reserves_count) {
		acceptor_pause(acceptor);
		return;
	}
	if (!acceptor_is_whole(acceptor))
		acceptor_try_later(acceptor);
	if (acceptor->watch.fd < 0)
		loop_watch(acceptor->loop, &acceptor->watch, acceptor->fd, EPOLLIN);
}

static void acceptor_on_ready(struct loop_watch *watch, uint32_t events)
{
	struct acceptor *acceptor = container_of(watch, struct acceptor, watch);
	/* What is left over of a Unix socket another loop may take. */
	int accepts = acceptor->is_unix ? HTTP_ACCEPTS_SHARED_PER_TURN : HTTP_ACCEPTS_PER_TURN;

	(void)events;
	for (int i = 0; i < accepts; i++) {
		switch (acceptor_once(acceptor)) {
		case ACCEPTED:
			continue;
		case ACCEPTED_NONE:
			return;
		case ACCEPTED_LATER:
			acceptor_pause(acceptor);
			return;
		}
	}
}

static void acceptor_on_pause_over(struct loop_timer *timer)
{
	acceptor_resume(container_of(timer, struct acceptor, pause));
}

static bool acceptor_is_unix(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

void acceptor_init(struct acceptor *acceptor, struct loop *loop, int fd)
{
	assert(fd >= 0);
	assert(acceptor->on_connection && acceptor->on_full);
	acceptor->loop = loop;
	acceptor->fd = fd;
	acceptor->is_unix = acceptor_is_unix(fd);
	acceptor->reserves_count = 0;
	atomic_fetch_add(&reserves_missing, HTTP_RESERVES);
	acceptor_hold_reserves(acceptor);
	acceptor->pause.on_due = acceptor_on_pause_over;
	acceptor->watch = (struct loop_watch){ .fd = -1, .on_ready = acceptor_on_ready };
}

void acceptor_start(struct acceptor *acceptor)
{
	acceptor_resume(acceptor);
}

bool acceptor_has_newcomers(const struct acceptor *acceptor)
{
	struct pollfd asked = { .fd = acceptor->fd, .events = POLLIN };

	return acceptor->fd >= 0 && poll(&asked, 1, 0) == 1;
}

/*
 * From now on a SYN is dropped, as if it had been lost on its way: the client sends it again after
 * a second and finds another socket, or is refused. Handshakes under way are completed.
 * A socket filter sees the TCP header at offset 0; its flags are in byte 13.
 */
static void acceptor_close_backlog(const struct acceptor *acceptor)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TCP_SYN | TCP_ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TCP_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	/* A Unix socket refuses who comes, and gives out who has come; for all loops at once. */
	if (acceptor->is_unix) {
		(void)shutdown(acceptor->fd, SHUT_RD);
		return;
	}
	if (setsockopt(acceptor->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0)
		log_debug("http", "no socket filter: a connection may be lost at the end");
}

void acceptor_stop(struct acceptor *acceptor)
{
	if (acceptor->fd < 0)
		return;
	acceptor_close_backlog(acceptor);
	for (int i = 0; i < HTTP_LAST_ACCEPTS_MAX && acceptor_once(acceptor) == ACCEPTED; i++)
		;
	loop_timer_cancel(acceptor->loop, &acceptor->pause);
	loop_unwatch(acceptor->loop, &acceptor->watch);
	close(acceptor->fd);
	acceptor->fd = -1;
	atomic_fetch_sub(&reserves_missing, HTTP_RESERVES - acceptor->reserves_count);
	while (acceptor->reserves_count)
		close(acceptor->reserves[--acceptor->reserves_count]);
}
