/* Other processes that train the same network: what training asks of whatever connects them.
 *
 * Each process has the same model, data set and options, devices of its own, and takes a part of every batch; gradients are added over all of them. clmix/mpi.h
 * connects the processes of an MPI program. An application that has another network fills in these functions itself. */
#ifndef CLMIX_PEERS_H
#define CLMIX_PEERS_H

#include <clmix/status.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For functions that wait for other processes. */
typedef struct clmix_waiting {
    /* To be called some ten times a second while nothing comes. False: this process is to stop; what does not come within a moment is then given up, with
     * CLMIX_ERROR_PEER. NULL: nobody asks. */
    bool (*go_on)(void *user);
    void *user; /* handed to it */
} clmix_waiting;

/* The processes. All of them make the same calls in the same order, with as many values. What the functions return other than CLMIX_OK, with its sentence from
 * clmix_error_set, ends the run at its last step: CLMIX_ERROR_PEER where another process is gone. Since 0.4. */
typedef struct clmix_peers {
    size_t index; /* of this process, from 0. The first one writes, and speaks for all */
    size_t count; /* of processes */
    /* values[i] becomes the sum over all processes, in an order that is the same in every run and gives all of them the same bits. */
    clmix_status (*sum)(void *user, double *values, size_t count, const clmix_waiting *waiting);
    /* The same of floats, which are many. */
    clmix_status (*sum_floats)(void *user, float *values, size_t count, const clmix_waiting *waiting);
    /* `data` becomes what it is in the first process. */
    clmix_status (*send)(void *user, void *data, size_t bytes, const clmix_waiting *waiting);
    void *user; /* handed to each of these */
} clmix_peers;

#ifdef __cplusplus
}
#endif
#endif
