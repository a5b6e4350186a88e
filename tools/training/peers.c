#include "training/peers.h"

#include "base/status.h"

#include <dlfcn.h>
#include <stdlib.h>

static void (*leave)(void);

/* What launchers tell each process: Open MPI's mpirun; those that speak PMI, as MPICH's and Intel's do; and Slurm's srun. */
static bool is_one_of_several(void)
{
    static const char *const counts[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS" };

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const char *count = getenv(counts[i]);

        if (count != NULL && strtol(count, NULL, 10) > 1)
            return true;
    }
    return false;
}

static clmix_status fail_to_load(void)
{
    const char *reason = dlerror();

    return clmix_fail(
        CLMIX_ERROR_UNSUPPORTED,
        "this is one of several processes, and libclmix-mpi, by which they would train together, cannot be loaded: %s; install "
        "MPI and build clmix with it (CLMIX_MPI), or start one process",
        reason != NULL ? reason : "it is not complete");
}

clmix_status peers_join(const clmix_peers **peers)
{
    clmix_status (*join)(const clmix_peers **);
    void *library;

    *peers = NULL;
    if (!is_one_of_several())
        return CLMIX_OK;
    library = dlopen(CLMIX_MPI_LIBRARY, RTLD_NOW | RTLD_GLOBAL); /* MPI's own plugins look for its names */
    if (library == NULL)
        return fail_to_load();
    *(void **)&join = dlsym(library, "clmix_mpi_join"); /* as POSIX has it */
    *(void **)&leave = dlsym(library, "clmix_mpi_leave");
    if (join == NULL || leave == NULL) {
        leave = NULL;
        return fail_to_load();
    }
    return join(peers);
}

void peers_leave(void)
{
    if (leave != NULL)
        leave();
}
