/*
 * delayer: holds packets back, and loses some, through NFQUEUE. For kernels without the netem queueing discipline.
 *
 * Usage: delayer QUEUE:DELAY:JITTER:BEGIN:END ...
 *   QUEUE   number of an NFQUEUE that a netfilter rule fills, in the network namespace in which this runs
 *   DELAY   milliseconds; JITTER: milliseconds at most that chance adds (packets stay in order)
 *   BEGIN   probability, for each packet, that a run of losses begins; END: that it ends (Gilbert-Elliott)
 *
 * Prints "ready". A line on standard input is answered by a JSON line of counters; its end ends the program.
 * Packets stay in the kernel, which sends their numbers only; one verdict accepts all that are due.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define HELD (1u << 16) /* packets that a queue holds at most, a power of two */
#define BATCH 64        /* packets that are read at once */
#define MESSAGE 512     /* bytes of one notice of a packet: numbers only */
#define QUEUES 256
#define SLACK 200000u   /* ns that packets may be late, so that several go at one wake-up */

struct packet {
    uint64_t due; /* ns */
    uint32_t id;
    int lost;
};

struct queue {
    int socket;
    uint16_t number;
    uint64_t delay, jitter; /* ns */
    double begin, end;
    int losing;
    struct packet *held;
    uint32_t head, tail; /* head: where the next one goes; tail: the oldest */
    uint64_t last;       /* when the newest is due: order is kept */
    uint64_t packets, lost, late, latest; /* late: sum, latest: greatest, ns after the packet was due */
};

static void fail(const char *what) {
    fprintf(stderr, "delayer: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* In [0, 1): xorshift64, the same numbers in each run. */
static double chance(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}

static void send_attribute(struct queue *queue, int type, uint16_t attribute, const void *data, uint16_t size, int confirm) {
    char buffer[128] __attribute__((aligned(NLMSG_ALIGNTO))) = {0};
    struct nlmsghdr *header = (void *)buffer;
    struct nfgenmsg *general = NLMSG_DATA(header);
    struct nlattr *attributes = (void *)((char *)general + NLMSG_ALIGN(sizeof *general));
    header->nlmsg_type = (uint16_t)((NFNL_SUBSYS_QUEUE << 8) | type);
    header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (confirm ? NLM_F_ACK : 0));
    general->nfgen_family = AF_UNSPEC;
    general->version = NFNETLINK_V0;
    general->res_id = htons(queue->number);
    attributes->nla_type = attribute;
    attributes->nla_len = (uint16_t)(NLA_HDRLEN + size);
    memcpy((char *)attributes + NLA_HDRLEN, data, size);
    header->nlmsg_len = (uint32_t)((char *)attributes + NLA_ALIGN(attributes->nla_len) - buffer);
    if (send(queue->socket, buffer, header->nlmsg_len, 0) < 0) fail("send");
    if (!confirm) return;
    char answer[MESSAGE] __attribute__((aligned(NLMSG_ALIGNTO)));
    if (recv(queue->socket, answer, sizeof answer, 0) < 0) fail("recv");
    struct nlmsghdr *told = (void *)answer;
    if (told->nlmsg_type == NLMSG_ERROR) {
        errno = -((struct nlmsgerr *)NLMSG_DATA(told))->error;
        if (errno) fail("configuring a queue");
    }
}

static void open_queue(struct queue *queue) {
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    struct nfqnl_msg_config_cmd bind_queue = {.command = NFQNL_CFG_CMD_BIND, .pf = htons(AF_INET)};
    struct nfqnl_msg_config_params numbers_only = {.copy_range = 0, .copy_mode = NFQNL_COPY_META};
    uint32_t length = htonl(HELD - 1);
    int bytes = 16 << 20, on = 1;
    queue->socket = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    if (queue->socket < 0 || bind(queue->socket, (void *)&address, sizeof address) < 0) fail("netlink");
    setsockopt(queue->socket, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    setsockopt(queue->socket, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
    send_attribute(queue, NFQNL_MSG_CONFIG, NFQA_CFG_CMD, &bind_queue, sizeof bind_queue, 1);
    send_attribute(queue, NFQNL_MSG_CONFIG, NFQA_CFG_PARAMS, &numbers_only, sizeof numbers_only, 1);
    send_attribute(queue, NFQNL_MSG_CONFIG, NFQA_CFG_QUEUE_MAXLEN, &length, sizeof length, 1);
    queue->held = calloc(HELD, sizeof *queue->held);
    if (queue->held == NULL) fail("memory");
}

static void verdict(struct queue *queue, int type, uint32_t id, uint32_t what) {
    struct nfqnl_msg_verdict_hdr header = {.verdict = htonl(what), .id = htonl(id)};
    send_attribute(queue, type, NFQA_VERDICT_HDR, &header, sizeof header, 0);
}

static void hold(struct queue *queue, uint32_t id, uint64_t at) {
    uint64_t due = at + queue->delay + (uint64_t)((double)queue->jitter * chance());
    if (due < queue->last) due = queue->last;
    queue->last = due;
    if (queue->losing ? chance() < queue->end : chance() < queue->begin) queue->losing = !queue->losing;
    queue->held[queue->head++ & (HELD - 1)] = (struct packet){due, id, queue->losing};
    queue->packets++;
}

static void receive(struct queue *queue) {
    static char buffers[BATCH][MESSAGE] __attribute__((aligned(NLMSG_ALIGNTO)));
    static struct iovec parts[BATCH];
    static struct mmsghdr messages[BATCH];
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){buffers[i], MESSAGE};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
    }
    int count = recvmmsg(queue->socket, messages, BATCH, MSG_DONTWAIT, NULL);
    uint64_t at = now();
    for (int i = 0; i < count; i++) {
        struct nlmsghdr *header = (void *)buffers[i];
        if (header->nlmsg_type != ((NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET)) continue;
        char *at_byte = (char *)NLMSG_DATA(header) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
        char *end = buffers[i] + header->nlmsg_len;
        while (at_byte + NLA_HDRLEN <= end) {
            struct nlattr *attribute = (void *)at_byte;
            if ((attribute->nla_type & NLA_TYPE_MASK) == NFQA_PACKET_HDR) {
                struct nfqnl_msg_packet_hdr *packet = (void *)(at_byte + NLA_HDRLEN);
                hold(queue, ntohl(packet->packet_id), at);
                break;
            }
            at_byte += NLA_ALIGN(attribute->nla_len);
        }
    }
}

/* Lets go what is due; returns when the next packet is, or 0. */
static uint64_t release(struct queue *queue, uint64_t at) {
    uint32_t accepted = 0;
    int any = 0;
    while (queue->tail != queue->head && queue->held[queue->tail & (HELD - 1)].due <= at) {
        struct packet *packet = &queue->held[queue->tail++ & (HELD - 1)];
        uint64_t late = at - packet->due;
        queue->late += late;
        if (late > queue->latest) queue->latest = late;
        if (packet->lost) {
            /* A batch verdict takes all up to its number: those before this one go first. */
            if (any) verdict(queue, NFQNL_MSG_VERDICT_BATCH, accepted, NF_ACCEPT);
            any = 0;
            verdict(queue, NFQNL_MSG_VERDICT, packet->id, NF_DROP);
            queue->lost++;
        } else {
            accepted = packet->id;
            any = 1;
        }
    }
    if (any) verdict(queue, NFQNL_MSG_VERDICT_BATCH, accepted, NF_ACCEPT);
    return queue->tail == queue->head ? 0 : queue->held[queue->tail & (HELD - 1)].due;
}

static void tell(struct queue *queues, int count) {
    uint64_t packets = 0, lost = 0, late = 0, latest = 0;
    struct rusage used;
    for (int i = 0; i < count; i++) {
        packets += queues[i].packets;
        lost += queues[i].lost;
        late += queues[i].late;
        if (queues[i].latest > latest) latest = queues[i].latest;
    }
    getrusage(RUSAGE_SELF, &used);
    printf("{\"packets\": %llu, \"lost\": %llu, \"late_mean\": %.7f, \"late_max\": %.7f, \"cpu\": %.3f}\n",
           (unsigned long long)packets, (unsigned long long)lost, packets ? (double)late / 1e9 / (double)packets : 0.0,
           (double)latest / 1e9,
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    fflush(stdout);
}

int main(int argc, char **argv) {
    static struct queue queues[QUEUES];
    int count = 0;
    for (int i = 1; i < argc; i++) {
        struct queue *queue = &queues[count++];
        double delay, jitter;
        if (count == QUEUES || sscanf(argv[i], "%hu:%lf:%lf:%lf:%lf", &queue->number, &delay, &jitter, &queue->begin,
                                      &queue->end) != 5) {
            fprintf(stderr, "usage: delayer QUEUE:DELAY:JITTER:BEGIN:END ...\n");
            return 2;
        }
        queue->delay = (uint64_t)(delay * 1e6);
        queue->jitter = (uint64_t)(jitter * 1e6);
    }
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
    setpriority(PRIO_PROCESS, 0, -20); /* late packets would be the machine's delay, not the line's */
    int poll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    event.data.fd = -1;
    epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event);
    event.data.fd = -2;
    epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    for (int i = 0; i < count; i++) {
        open_queue(&queues[i]);
        event.data.fd = i;
        epoll_ctl(poll, EPOLL_CTL_ADD, queues[i].socket, &event);
    }
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[BATCH];
        int ready = epoll_wait(poll, events, BATCH, -1);
        for (int i = 0; i < ready; i++) {
            char bytes[MESSAGE];
            if (events[i].data.fd >= 0) {
                receive(&queues[events[i].data.fd]);
            } else if (events[i].data.fd == -1) {
                uint64_t expirations;
                if (read(timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN) fail("timer");
            } else if (read(STDIN_FILENO, bytes, sizeof bytes) > 0) {
                tell(queues, count);
            } else {
                return 0;
            }
        }
        uint64_t at = now(), next = 0;
        for (int i = 0; i < count; i++) {
            uint64_t due = release(&queues[i], at);
            if (due && (!next || due < next)) next = due;
        }
        if (next && next < at + SLACK) next = at + SLACK;
        struct itimerspec wake = {{0, 0}, {(time_t)(next / 1000000000u), (long)(next % 1000000000u)}};
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &wake, NULL); /* 0 disarms it */
    }
}
