/* Several processes that train together: whether this is one of them, and how they are joined. */
#ifndef CLMIX_TOOLS_TRAIN_PEERS_H
#define CLMIX_TOOLS_TRAIN_PEERS_H

#include <clmix/peers.h>

/* Joins the others, where mpirun or srun has started this process as one of several; *peers stays NULL elsewhere. libclmix-mpi is loaded for that alone: who trains
 * by one process needs no MPI. UNSUPPORTED where it is not there. */
clmix_status peers_join(const clmix_peers **peers);
/* Leaves them, where they were joined. */
void peers_leave(void);

#endif
