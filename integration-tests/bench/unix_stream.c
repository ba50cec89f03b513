/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's end of streams: listens on a Unix socket and reads all that comes from each connection in turn, or writes
 * to it as much as it takes, until it is killed.
 *
 *   unix_stream sink|source PATH
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BUFFER_BYTES (256 << 10)

int main(int argc, char **argv)
{
    static char buffer[BUFFER_BYTES];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (argc != 3 || strlen(argv[2]) >= sizeof address.sun_path) {
        fprintf(stderr, "usage: unix_stream sink|source PATH\n");
        return 2;
    }
    bool source = strcmp(argv[1], "source") == 0;
    strcpy(address.sun_path, argv[2]);
    signal(SIGPIPE, SIG_IGN);
    unlink(argv[2]);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1) != 0) {
        perror(argv[2]);
        return 1;
    }
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd))
        while ((source ? write(fd, buffer, sizeof buffer) : read(fd, buffer, sizeof buffer)) > 0)
            ;
    perror("accept");
    return 1;
}
