/* The folder of a run: what lies in it, who owns it, and what becomes of an older run there. */
#ifndef CLMIX_TRAIN_FOLDER_H
#define CLMIX_TRAIN_FOLDER_H

#include "base/lock.h"

#include <stdbool.h>

struct clmix_run_folder {
    clmix_lock lock;
    char *path, *model, *checkpoint, *log, *curves; /* the folder and its files */
    bool made;                                      /* by this run, which has not written into it yet */
};

/* Takes the folder; a new run makes it. FILE when another trainer has it, in this process or another. Beside the lock nothing in it
 * changes. */
clmix_status clmix_run_folder_open(struct clmix_run_folder *folder, const char *path, bool new_run);

/* For processes that do not own it: its files' names alone. */
clmix_status clmix_run_folder_name(struct clmix_run_folder *folder, const char *path);

/* For the owner, before it writes: removes what sessions that were killed left half-written, and moves the files of an older run to
 * PATH/previous-1 (2, 3, ...), for nobody's work is to be written over. *moved is that folder, for free(), or NULL. */
void clmix_run_folder_sweep(struct clmix_run_folder *folder);
clmix_status clmix_run_folder_move(struct clmix_run_folder *folder, char **moved);

/* Gives the folder up; one that was made and never written into is removed. Harmless when all zero. */
void clmix_run_folder_close(struct clmix_run_folder *folder);

#endif
