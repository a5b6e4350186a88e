/* The processes of an MPI program as peers of one training run (libclmix-mpi, which only programs that use MPI link; any MPI of version 3).
 *
 *     const clmix_peers *peers = NULL;
 *     status = clmix_mpi_join(&peers);         in all processes: mpirun -n 4 ..., srun -n 4 ...
 *     options.peers = peers;                   NULL where there is one process
 *     ... clmix_trainer_create, clmix_train ...
 *     clmix_mpi_leave();                       whatever became of the run */
#ifndef CLMIX_MPI_H
#define CLMIX_MPI_H

#include <clmix/peers.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Connects the processes, and begins MPI where the program has not. *peers is NULL where there is one process alone; it belongs to the library, until
 * clmix_mpi_leave. Sums are made in one order: within each host first, in the ranks' order, and then over the hosts.
 * Errors: PEER (MPI cannot begin, or has ended), HOST_MEMORY. `peers` must not be NULL (ARGUMENT). Since 0.4. */
CLMIX_API clmix_status clmix_mpi_join(const clmix_peers **peers);

/* Leaves them, and ends MPI where clmix_mpi_join began it. Waits a few seconds for the others to leave too: where they do not, because they wait for what this
 * process failed to do or are gone, all processes are ended (MPI_Abort). Harmless when none were joined. Since 0.4. */
CLMIX_API void clmix_mpi_leave(void);

#ifdef __cplusplus
}
#endif
#endif
