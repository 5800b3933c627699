/* The physical floor of an outbound Event Socket server: one thread, epoll, one needle, one canned
 * bridge. It keeps no state but whether a call was answered, and routes nothing.
 * Built by the benchmark with "cc -O2"; usage: floor_epoll PORT [HOST [DIAL-STRING]] */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char DIAL[] =
    "[leg_timeout=20]sofia/gateway/gw1/441610000000|"
    "[leg_timeout=20]sofia/gateway/gw2/441610000000|[leg_timeout=20]sofia/gateway/gw3/441610000000";
static char answer[4096];
static const char NEEDLE[] = "\nCaller-Destination-Number: ";

static char answered[1 << 16]; /* by descriptor */
static char buffer[1 << 16];

static void watch(int epoll, int handle)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = handle};
    epoll_ctl(epoll, EPOLL_CTL_ADD, handle, &event);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct epoll_event events[256];
    int yes = 1, epoll = epoll_create1(0), length;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (argc < 2 || argc > 4)
        return 2;
    length = snprintf(answer, sizeof answer,
                      "sendmsg\ncall-command: execute\nexecute-app-name: bridge\n"
                      "execute-app-arg: %s\n\n", argc > 3 ? argv[3] : DIAL);
    if (length >= (int)sizeof answer)
        return 2;
    address.sin_port = htons((unsigned short)atoi(argv[1]));
    address.sin_addr.s_addr = inet_addr(argc > 2 ? argv[2] : "127.0.0.1");
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 4096))
        return 1;
    watch(epoll, server);

    for (;;) {
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            int handle = events[i].data.fd;
            if (handle == server) {
                int call;
                while ((call = accept4(server, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    if (call >= (int)sizeof answered) {
                        close(call);
                        continue;
                    }
                    answered[call] = 0;
                    if (write(call, "connect\n\n", 9) == 9)
                        watch(epoll, call);
                    else
                        close(call);
                }
                continue;
            }
            ssize_t size = read(handle, buffer, sizeof buffer);
            if (size <= 0) {
                close(handle);
            } else if (!answered[handle] && size >= 2 && !memcmp(buffer + size - 2, "\n\n", 2)) {
                answered[handle] = 1;
                if (memmem(buffer, (size_t)size, NEEDLE, sizeof NEEDLE - 1) &&
                    write(handle, answer, (size_t)length) < 0)
                    close(handle);
            }
        }
    }
}
