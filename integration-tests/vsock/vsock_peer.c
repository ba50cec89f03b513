// SPDX-License-Identifier: Apache-2.0
//
// The guest's end of connections between guest and host, under load: each sends a known sequence of bytes and
// checks what comes against the same sequence, both at once.
//
//   vsock_peer connect PORT COUNT BYTES   COUNT connections at a time to port PORT of the host
//   vsock_peer listen PORT COUNT BYTES    takes COUNT connections at port PORT
//
// Connection n (in the order in which they are made) sends BYTES bytes of sequence n, ends its direction, and
// expects as many of sequence n + 128 followed by the end. Exits with 0 where that was so for all.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define CHUNK_BYTES 65536
#define REPLY_SEQUENCE 128

static unsigned char byte_at(unsigned int sequence, unsigned long offset)
{
    return (unsigned char)(sequence + offset * 7 + (offset >> 8) * 13);
}

static void fail(const char *what)
{
    fprintf(stderr, "vsock_peer: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_vm address(unsigned int cid, unsigned int port)
{
    return (struct sockaddr_vm){.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
}

// Sends and receives what the socket takes and has, until both directions have ended.
static void talk(int fd, unsigned int sequence, unsigned long bytes)
{
    static unsigned char buffer[CHUNK_BYTES];
    unsigned long sent = 0;
    unsigned long received = 0;
    bool ended = false;

    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        fail("fcntl");
    while (!ended || sent < bytes) {
        struct pollfd polled = {.fd = fd, .events = (short)((ended ? 0 : POLLIN) | (sent < bytes ? POLLOUT : 0))};
        if (poll(&polled, 1, -1) < 0)
            fail("poll");
        if (sent < bytes && (polled.revents & (POLLOUT | POLLERR))) {
            unsigned long length = bytes - sent < CHUNK_BYTES ? bytes - sent : CHUNK_BYTES;
            for (unsigned long i = 0; i < length; i++)
                buffer[i] = byte_at(sequence, sent + i);
            ssize_t count = send(fd, buffer, length, MSG_NOSIGNAL);
            if (count < 0 && errno != EAGAIN)
                fail("send");
            sent += count > 0 ? (unsigned long)count : 0;
            if (sent == bytes && shutdown(fd, SHUT_WR) < 0)
                fail("shutdown");
        }
        if (!ended && (polled.revents & (POLLIN | POLLHUP | POLLERR))) {
            ssize_t count = recv(fd, buffer, sizeof buffer, 0);
            if (count < 0 && errno != EAGAIN)
                fail("recv");
            for (ssize_t i = 0; i < count; i++) {
                if (buffer[i] != byte_at(sequence + REPLY_SEQUENCE, received + (unsigned long)i)) {
                    fprintf(stderr, "vsock_peer: connection %u: wrong byte at %lu\n", sequence, received + (unsigned long)i);
                    exit(1);
                }
            }
            received += count > 0 ? (unsigned long)count : 0;
            ended = count == 0;
        }
    }
    if (received != bytes) {
        fprintf(stderr, "vsock_peer: connection %u: %lu bytes instead of %lu\n", sequence, received, bytes);
        exit(1);
    }
}

static int open_socket(void)
{
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket");
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: vsock_peer connect|listen PORT COUNT BYTES\n");
        return 2;
    }
    unsigned int port = (unsigned int)strtoul(argv[2], NULL, 10);
    unsigned int count = (unsigned int)strtoul(argv[3], NULL, 10);
    unsigned long bytes = strtoul(argv[4], NULL, 10);
    bool listens = strcmp(argv[1], "listen") == 0;
    struct sockaddr_vm local = address(VMADDR_CID_ANY, port);
    struct sockaddr_vm host = address(VMADDR_CID_HOST, port);
    int listener = -1;
    int failed = 0;

    if (listens) {
        listener = open_socket();
        if (bind(listener, (struct sockaddr *)&local, sizeof local) < 0)
            fail("bind");
        if (listen(listener, 16) < 0)
            fail("listen");
        printf("listening at %u\n", port);
        fflush(stdout);
    }
    for (unsigned int i = 0; i < count; i++) {
        int fd = listens ? accept(listener, NULL, NULL) : open_socket();
        if (fd < 0)
            fail("accept");
        if (!listens && connect(fd, (struct sockaddr *)&host, sizeof host) < 0)
            fail("connect");
        pid_t child = fork();
        if (child < 0)
            fail("fork");
        if (child == 0) {
            talk(fd, i, bytes);
            return 0;
        }
        close(fd);
    }
    for (unsigned int i = 0; i < count; i++) {
        int status;
        if (wait(&status) < 0)
            fail("wait");
        failed |= status;
    }
    printf("%u connections of %lu bytes %s\n", count, bytes, failed ? "failed" : "are sound");
    return failed != 0;
}
