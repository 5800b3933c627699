# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The outbound server's connections: one a call, answered once, then let go.

FreeSWITCH's `socket` application connects and says nothing; `connect` makes it send CHANNEL_DATA
(mod_event_socket.c, socket_function); the reply holds the whole plan and `exit`. What FreeSWITCH
says after that is read and dropped until it closes, since closing on unread data would reset the
connection under it. Nothing is kept for a call that has been answered.
"""

import ipaddress

cimport cython
from libc.string cimport memchr, memcmp
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

from vnroute.matcher.decide import FAILED_REPLY

from vnroute.matcher.buffer cimport Buffer, drop, put
from vnroute.matcher.decide cimport AS_IF_KEPT, MAY_KEEP, NOT_KEPT, TOO_MANY_HOPS, Matcher

cdef enum:
    READING = 0     # CHANNEL_DATA is on its way
    ANSWERED = 1    # the plan is sent; whatever comes is dropped
    CLOSED = 2
    WAITING = 3     # for the routing number of a target, or until what a phone says is kept

cdef enum:
    SCRATCH_BYTES = 262144
    MOST_LOOPED = 5      # calls kept until they are told

cdef bytes CONNECT = b"connect\n\n"
cdef const char* HUNG_UP = b"Content-Type: text/disconnect-notice"   # 36 bytes


cdef extern from "string.h" nogil:
    void* memmem(const void* text, size_t size, const void* wanted, size_t length)


cdef inline double clock(int which) noexcept nogil:
    cdef timespec now
    clock_gettime(which, &now)
    return now.tv_sec + now.tv_nsec * 1e-9


@cython.final
cdef class OutboundServer:
    """What the connections of one worker share: the matcher, the limits and the counters.

    `allowed` are networks (CIDR) that may connect; `max_bytes` is what one connection may send,
    `max_seconds` how long it may live, `max_connections` how many may live at once. `log` is
    called as log(event, **fields) when a limit closes a connection. Instances are what
    `loop.create_server` takes as protocol factory.
    """

    def __cinit__(
        self,
        Matcher matcher not None,
        log,
        allowed,
        size_t max_bytes=11_000_000,
        double max_seconds=10.0,
        Py_ssize_t max_connections=20_000,
        bint check_peers=True,
    ):
        self.matcher = matcher
        self._log = log
        self.allowed = [ipaddress.ip_network(network) for network in allowed]
        self.max_bytes = max_bytes
        self.max_seconds = max_seconds
        self.max_connections = max_connections
        self.check_peers = check_peers
        self.looped = []
        self._scratch = bytearray(SCRATCH_BYTES)
        self._scratch_view = memoryview(self._scratch)
        cdef unsigned char[::1] view = self._scratch
        self.scratch = &view[0]

    def __call__(self):
        """Make the protocol of a new connection."""
        return Connection(self)

    def allows(self, str address not None):
        """Whether a peer may connect; IPv4 addresses mapped into IPv6 count as IPv4."""
        peer = ipaddress.ip_address(address.partition("%")[0])
        mapped = getattr(peer, "ipv4_mapped", None)
        if mapped is not None:
            peer = mapped
        return any(peer in network for network in self.allowed if network.version == peer.version)

    cdef void link(self, Connection connection):
        connection.older = self.newest
        if self.newest is not None:
            self.newest.newer = connection
        else:
            self.oldest = connection
        self.newest = connection
        self.live += 1
        if self.live > self.most_live:
            self.most_live = self.live

    cdef void unlink(self, Connection connection):
        if connection.older is not None:
            connection.older.newer = connection.newer
        else:
            self.oldest = connection.newer
        if connection.newer is not None:
            connection.newer.older = connection.older
        else:
            self.newest = connection.older
        connection.older = connection.newer = None
        self.live -= 1

    def take_looped(self):
        """Return (CHANNEL_DATA of a few calls that were forwarded too often since it was asked last,
        how many more there were)."""
        taken, more = self.looped, self.more_looped
        self.looped = []
        self.more_looped = 0
        return taken, more

    def close_overdue(self):
        """Close connections that have lived too long; to be called about once a second."""
        cdef double now = clock(CLOCK_MONOTONIC)
        cdef Connection connection = self.oldest
        cdef Connection newer
        while connection is not None and now - connection.began > self.max_seconds:
            newer = connection.newer
            if connection.state == READING:
                self.too_slow += 1
                self._log(
                    "connection closed", why="no CHANNEL_DATA in time",
                    seconds=self.max_seconds, received=connection.received,
                )
            if connection.state != CLOSED:
                connection.state = CLOSED
                connection.transport.abort()
            connection = newer

    def delays_us(self):
        """Return connect-to-reply delays: at [i], how many took from 2**(i-1) up to 2**i us."""
        return [self.delays[i] for i in range(DELAY_BUCKETS)]

    def counts(self):
        """Return the connection counters by name."""
        return {
            "live": self.live,
            "most_live": self.most_live,
            "accepted": self.accepted,
            "answered": self.answered,
            "refused_peers": self.refused_peers,
            "refused_full": self.refused_full,
            "too_long": self.too_long,
            "too_slow": self.too_slow,
            "hung_up_early": self.hung_up_early,
            "errors": self.errors,
            "rejected_replies": self.rejected_replies,
        }


@cython.final
cdef class Connection:
    """One connection from FreeSWITCH: asyncio's BufferedProtocol, reading into shared scratch.

    libuv reads and calls back in one step, so between get_buffer and buffer_updated no other
    connection comes in between, and one buffer serves all. CHANNEL_DATA that comes whole (the
    usual case) is decided where it was read; only what comes in pieces is gathered.
    """

    def __cinit__(self, OutboundServer server not None):
        self.server = server

    def __dealloc__(self):
        drop(&self.pending)

    def connection_made(self, transport):
        cdef OutboundServer server = self.server
        self.transport = transport
        self.began = clock(CLOCK_MONOTONIC)
        server.accepted += 1
        server.link(self)
        if server.live > server.max_connections:
            server.refused_full += 1
            server._log("connection refused", why="too many connections", live=server.live)
        elif server.check_peers:
            peer = transport.get_extra_info("peername")
            if peer and server.allows(peer[0]):
                transport.write(CONNECT)
                return
            server.refused_peers += 1
            server._log("connection refused", why="peer is not allowed", peer=str(peer))
        else:
            transport.write(CONNECT)
            return
        self.state = CLOSED
        transport.close()

    def get_buffer(self, Py_ssize_t hint):
        return self.server._scratch_view

    def buffer_updated(self, Py_ssize_t size):
        cdef OutboundServer server = self.server
        cdef const unsigned char* data = server.scratch
        cdef size_t searched
        if self.state == ANSWERED:
            if memmem(data, size, <const char*>b"\nReply-Text: -ERR", 17) is not NULL:
                server.rejected_replies += 1
                server._log("reply rejected", said=bytes(data[:min(size, 200)]))
            return
        if self.state == CLOSED or self.state == WAITING:
            return
        self.received += size
        if self.received > server.max_bytes:
            server.too_long += 1
            server._log("connection closed", why="too many bytes", bytes=self.received)
            self.state = CLOSED
            self.transport.close()
            return
        if self.pending.size == 0 and size > 1 and data[size - 1] == 10 and data[size - 2] == 10:
            self._answer(data, size)
            return
        searched = self.pending.size - 1 if self.pending.size else 0
        put(&self.pending, <const char*>data, size)
        if memmem(
            self.pending.data + searched, self.pending.size - searched, <const char*>b"\n\n", 2
        ) is not NULL:
            self._answer(<const unsigned char*>self.pending.data, self.pending.size)
            drop(&self.pending)

    cdef _answer(self, const unsigned char* data, size_t size):
        cdef OutboundServer server = self.server
        if size >= 36 and memcmp(data, HUNG_UP, 36) == 0:
            # In place of CHANNEL_DATA: the caller had hung up before FreeSWITCH read `connect`
            # (read_packet and send_disconnect in mod_event_socket.c). There is no call to decide.
            server.hung_up_early += 1
            self.state = CLOSED
            self.transport.close()
            return
        self.telling = MAY_KEEP if server.keeper is not None else NOT_KEPT
        self._reply(data, size, server.dipper is not None)

    def decide(self):
        """Answer a call that waited, by what is known now."""
        block = self.block
        self.block = None
        if self.state == WAITING:
            self._reply(block, len(block), False)

    def heard(self, bint kept):
        """Answer a call that said where somebody is, now that it is kept, or cannot be."""
        block = self.block
        self.block = None
        if self.state == WAITING:
            self.telling = AS_IF_KEPT if kept else NOT_KEPT
            self._reply(block, len(block), self.server.dipper is not None)

    cdef _reply(self, const unsigned char* data, size_t size, bint may_wait):
        cdef OutboundServer server = self.server
        cdef double took
        cdef int bucket = 0
        try:
            reply = server.matcher.answer(
                data, size, clock(CLOCK_REALTIME), may_wait, self.telling)
            if reply is None:
                # What stands in the buffer is gone with the next read.
                self.block = data[:size]
                self.state = WAITING
                if server.matcher.told is not None:
                    server.keeper.keep(server.matcher.told, self.heard)
                    return
                if server.dipper.ask(server.matcher.wanted, self.decide):
                    return
                reply = server.matcher.answer(
                    data, size, clock(CLOCK_REALTIME), False, self.telling)
        except Exception as error:
            server.errors += 1
            server._log("decision failed", error=repr(error))
            reply = FAILED_REPLY
        self.state = ANSWERED
        self.block = None
        self.transport.write(reply)
        server.answered += 1
        if server.matcher.last == TOO_MANY_HOPS:
            if len(server.looped) < MOST_LOOPED:
                server.looped.append(data[:size])
            else:
                server.more_looped += 1
        took = (clock(CLOCK_MONOTONIC) - self.began) * 1e6
        while took >= 1 and bucket < DELAY_BUCKETS - 1:
            took /= 2
            bucket += 1
        server.delays[bucket] += 1

    def eof_received(self):
        return False

    def pause_writing(self):
        pass

    def resume_writing(self):
        pass

    def connection_lost(self, error):
        if self.state == READING or self.state == WAITING:
            self.server.hung_up_early += 1
        self.state = CLOSED
        self.block = None
        self.server.unlink(self)
        self.transport = None
