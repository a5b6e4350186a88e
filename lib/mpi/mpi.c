/* Peers over MPI. A sum is one of parts: each process adds one part of the values, of all processes in their order, and sends it to all. So everyone gets the same
 * bits, in every run, whichever message comes first, and each value crosses a connection about twice however many processes there are.
 *
 * Where several processes share a host, and all hosts have as many, that is done in two levels: within each host, and then over the hosts, where each process has its
 * part of the host's sum; so a host sends its gradients once and not once a process. */
#include <clmix/mpi.h>

#include <mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ASK_SECONDS      0.1
#define PATIENCE_SECONDS 0.5 /* after this process was asked to stop */
#define LEAVING_SECONDS  3.0
#define SPIN_SECONDS     1e-3 /* before a wait that sleeps: most messages come sooner */
#define NAP_NANOSECONDS  50000

/* One of the levels that a sum goes through. */
struct level {
    MPI_Comm among;
    int index, count;
};

static struct {
    clmix_peers peers;
    struct level all, host, hosts; /* host and hosts: MPI_COMM_NULL where sums have one level */
    bool joined, began;
    void *room; /* what others have sent; grows */
    size_t room_bytes;
} state = { .all = { MPI_COMM_NULL, 0, 0 }, .host = { MPI_COMM_NULL, 0, 0 }, .hosts = { MPI_COMM_NULL, 0, 0 } };

/* ---- errors --------------------------------------------------------------------------------------------------------------------------- */

static clmix_status check(int code, const char *what)
{
    char reason[MPI_MAX_ERROR_STRING] = "", sentence[MPI_MAX_ERROR_STRING + 200];
    int length;

    if (code == MPI_SUCCESS)
        return CLMIX_OK;
    MPI_Error_string(code, reason, &length);
    snprintf(sentence, sizeof sentence, "%s failed in process %zu of %zu: %s", what, state.peers.index, state.peers.count, reason);
    return clmix_error_set(CLMIX_ERROR_PEER, sentence);
}

#define TRY(call)                          \
    do {                                   \
        const clmix_status tried = (call); \
        if (tried != CLMIX_OK)             \
            return tried;                  \
    } while (0)

static clmix_status make_room(size_t bytes)
{
    void *room;

    if (bytes <= state.room_bytes)
        return CLMIX_OK;
    room = realloc(state.room, bytes);
    if (room == NULL)
        return clmix_error_set(CLMIX_ERROR_HOST_MEMORY, "the host is out of memory for what other processes send");
    state.room = room;
    state.room_bytes = bytes;
    return CLMIX_OK;
}

/* ---- waiting -------------------------------------------------------------------------------------------------------------------------- */

static bool asks_to_stop(const clmix_waiting *waiting)
{
    return waiting != NULL && waiting->go_on != NULL && !waiting->go_on(waiting->user);
}

/* Until a message is through. It is looked for, not waited for: a process that waits in MPI neither notices that it is to stop nor that others are gone. What is
 * given up stays with MPI. */
static clmix_status await(MPI_Request *request, const clmix_waiting *waiting, const char *what)
{
    const double start = MPI_Wtime();
    double asked = start, stopping = 0.0;

    for (;;) {
        const double now = MPI_Wtime();
        int done = 0;

        TRY(check(MPI_Test(request, &done, MPI_STATUS_IGNORE), what));
        if (done)
            return CLMIX_OK;
        if (now - start < SPIN_SECONDS)
            continue;
        if (now - asked > ASK_SECONDS) {
            asked = now;
            if (stopping <= 0.0 && asks_to_stop(waiting))
                stopping = now;
        }
        if (stopping > 0.0 && now - stopping > PATIENCE_SECONDS)
            return clmix_error_set(CLMIX_ERROR_PEER,
                                   "asked to stop while others of this run's processes were waited for, which are late or gone");
        nanosleep(&(struct timespec){ 0, NAP_NANOSECONDS }, NULL);
    }
}

/* ---- sums ----------------------------------------------------------------------------------------------------------------------------- */

/* Values of one of the two types. */
struct values {
    void *data;
    size_t count, bytes; /* bytes of one */
    MPI_Datatype type;
};

/* As much as one message's number of values can count, for all processes together. */
#define MOST_VALUES ((size_t)1 << 28)

static size_t part_begin(size_t count, int parts, int index)
{
    return count * (size_t)index / (size_t)parts;
}

/* Adds `parts` rows in their order, in double precision, into `sum`. */
static void add_rows(const struct values *sum, const void *rows, int parts)
{
    for (size_t i = 0; i < sum->count; i++) {
        double total = 0.0;

        for (int p = 0; p < parts; p++) {
            const size_t at = (size_t)p * sum->count + i;

            total += sum->bytes == sizeof(float) ? (double)((const float *)rows)[at] : ((const double *)rows)[at];
        }
        if (sum->bytes == sizeof(float))
            ((float *)sum->data)[i] = (float)total;
        else
            ((double *)sum->data)[i] = total;
    }
}

static struct values slice(const struct values *values, size_t begin, size_t end)
{
    return (struct values){ (char *)values->data + begin * values->bytes, end - begin, values->bytes, values->type };
}

/* How many values of each part, and where it begins. */
struct layout {
    int *counts, *offsets, *rows, *row_offsets;
};

static clmix_status make_layout(struct layout *layout, const struct level *level, size_t count, size_t own)
{
    layout->counts = malloc(4 * (size_t)level->count * sizeof *layout->counts);
    if (layout->counts == NULL)
        return clmix_error_set(CLMIX_ERROR_HOST_MEMORY, "the host is out of memory for the parts of a sum");
    layout->offsets = layout->counts + level->count;
    layout->rows = layout->offsets + level->count;
    layout->row_offsets = layout->rows + level->count;
    for (int i = 0; i < level->count; i++) {
        const size_t begin = part_begin(count, level->count, i);

        layout->offsets[i] = (int)begin;
        layout->counts[i] = (int)(part_begin(count, level->count, i + 1) - begin);
        layout->rows[i] = (int)own;
        layout->row_offsets[i] = (int)((size_t)i * own);
    }
    return CLMIX_OK;
}

/* This process's part becomes the sum of everyone's. */
static clmix_status reduce(const struct level *level, const struct values *values, const struct values *own, const struct layout *layout,
                           const clmix_waiting *waiting)
{
    MPI_Request request;

    TRY(make_room((size_t)level->count * own->count * own->bytes));
    TRY(check(MPI_Ialltoallv(values->data, layout->counts, layout->offsets, values->type, state.room, layout->rows, layout->row_offsets,
                             values->type, level->among, &request),
              "adding over processes"));
    TRY(await(&request, waiting, "adding over processes"));
    add_rows(own, state.room, level->count);
    return CLMIX_OK;
}

/* Everyone gets the parts of all. */
static clmix_status collect(const struct level *level, const struct values *values, const struct layout *layout,
                            const clmix_waiting *waiting)
{
    MPI_Request request;

    TRY(check(MPI_Iallgatherv(MPI_IN_PLACE, 0, values->type, values->data, layout->counts, layout->offsets, values->type, level->among,
                              &request),
              "collecting a sum of processes"));
    return await(&request, waiting, "collecting a sum of processes");
}

/* Over the levels from this one on: `inner` is done between the two halves, on this process's part. */
static clmix_status sum_level(const struct level *level, const struct level *inner, const struct values *values,
                              const clmix_waiting *waiting)
{
    const struct values own =
        slice(values, part_begin(values->count, level->count, level->index), part_begin(values->count, level->count, level->index + 1));
    struct layout layout = { NULL, NULL, NULL, NULL };
    clmix_status status;

    TRY(make_layout(&layout, level, values->count, own.count));
    status = reduce(level, values, &own, &layout, waiting);
    if (status == CLMIX_OK && inner != NULL)
        status = sum_level(inner, NULL, &own, waiting);
    if (status == CLMIX_OK)
        status = collect(level, values, &layout, waiting);
    free(layout.counts);
    return status;
}

static clmix_status sum_values(const struct values *values, const clmix_waiting *waiting)
{
    for (size_t begin = 0; begin < values->count; begin += MOST_VALUES) {
        const size_t end = values->count - begin < MOST_VALUES ? values->count : begin + MOST_VALUES;
        const struct values some = slice(values, begin, end);

        if (state.host.among != MPI_COMM_NULL)
            TRY(sum_level(&state.host, &state.hosts, &some, waiting));
        else
            TRY(sum_level(&state.all, NULL, &some, waiting));
    }
    return CLMIX_OK;
}

static clmix_status sum(void *user, double *values, size_t count, const clmix_waiting *waiting)
{
    (void)user;
    return sum_values(&(struct values){ values, count, sizeof *values, MPI_DOUBLE }, waiting);
}

static clmix_status sum_floats(void *user, float *values, size_t count, const clmix_waiting *waiting)
{
    (void)user;
    return sum_values(&(struct values){ values, count, sizeof *values, MPI_FLOAT }, waiting);
}

static clmix_status send(void *user, void *data, size_t bytes, const clmix_waiting *waiting)
{
    (void)user;
    for (size_t begin = 0; begin < bytes; begin += MOST_VALUES) {
        const size_t some = bytes - begin < MOST_VALUES ? bytes - begin : MOST_VALUES;
        MPI_Request request;

        TRY(check(MPI_Ibcast((char *)data + begin, (int)some, MPI_BYTE, 0, state.all.among, &request), "sending to all processes"));
        TRY(await(&request, waiting, "sending to all processes"));
    }
    return CLMIX_OK;
}

/* ---- joining and leaving -------------------------------------------------------------------------------------------------------------- */

static clmix_status open_level(struct level *level)
{
    TRY(check(MPI_Comm_set_errhandler(level->among, MPI_ERRORS_RETURN), "joining the processes"));
    TRY(check(MPI_Comm_rank(level->among, &level->index), "joining the processes"));
    return check(MPI_Comm_size(level->among, &level->count), "joining the processes");
}

static void close_level(struct level *level)
{
    if (level->among != MPI_COMM_NULL)
        MPI_Comm_free(&level->among);
}

/* Two levels where hosts have several processes, and as many each. */
static clmix_status open_hosts(void)
{
    int range[2];

    TRY(check(MPI_Comm_split_type(state.all.among, MPI_COMM_TYPE_SHARED, state.all.index, MPI_INFO_NULL, &state.host.among),
              "finding a host's processes"));
    TRY(open_level(&state.host));
    range[0] = state.host.count;
    range[1] = -state.host.count;
    TRY(check(MPI_Allreduce(MPI_IN_PLACE, range, 2, MPI_INT, MPI_MAX, state.all.among), "counting a host's processes"));
    if (range[0] != -range[1] || range[0] == 1 || range[0] == state.all.count) {
        close_level(&state.host);
        return CLMIX_OK;
    }
    TRY(check(MPI_Comm_split(state.all.among, state.host.index, state.all.index, &state.hosts.among), "finding the hosts"));
    return open_level(&state.hosts);
}

static clmix_status begin_mpi(void)
{
    int begun, ended, provided;

    MPI_Finalized(&ended);
    if (ended)
        return clmix_error_set(CLMIX_ERROR_PEER, "MPI has ended in this process, and cannot begin again");
    MPI_Initialized(&begun);
    if (begun)
        return CLMIX_OK;
    TRY(check(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided), "beginning MPI"));
    state.began = true;
    return CLMIX_OK;
}

clmix_status clmix_mpi_join(const clmix_peers **peers)
{
    if (peers == NULL)
        return clmix_error_set(CLMIX_ERROR_ARGUMENT, "clmix_mpi_join needs a place for the peers, and NULL was given");
    *peers = NULL;
    if (state.joined)
        return clmix_error_set(CLMIX_ERROR_ARGUMENT, "this process has joined the others already; it leaves them by clmix_mpi_leave");
    TRY(begin_mpi());
    TRY(check(MPI_Comm_dup(MPI_COMM_WORLD, &state.all.among), "joining the processes"));
    state.joined = true;
    TRY(open_level(&state.all));
    state.peers = (clmix_peers){
        .index = (size_t)state.all.index, .count = (size_t)state.all.count, .sum = sum, .sum_floats = sum_floats, .send = send
    };
    TRY(open_hosts());
    *peers = state.all.count > 1 ? &state.peers : NULL;
    return CLMIX_OK;
}

/* Whether all others leave too, within a moment. */
static bool all_leave(void)
{
    const double start = MPI_Wtime();
    MPI_Request request;
    int done = 0;

    if (MPI_Ibarrier(state.all.among, &request) != MPI_SUCCESS)
        return false;
    while (MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done && MPI_Wtime() - start < LEAVING_SECONDS)
        nanosleep(&(struct timespec){ 0, NAP_NANOSECONDS }, NULL);
    return done != 0;
}

void clmix_mpi_leave(void)
{
    int ended;

    if (!state.joined)
        return;
    state.joined = false;
    MPI_Finalized(&ended);
    if (ended)
        return;
    if (!all_leave())
        MPI_Abort(state.all.among, 1);
    close_level(&state.hosts);
    close_level(&state.host);
    close_level(&state.all);
    free(state.room);
    state.room = NULL;
    state.room_bytes = 0;
    if (state.began)
        MPI_Finalize();
    state.began = false;
}
