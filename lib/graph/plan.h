/* Plans from the inside, for lib/graph/ only: what compiling leaves and runs work on. */
#ifndef CLMIX_GRAPH_PLAN_H
#define CLMIX_GRAPH_PLAN_H

#include "graph/graph.h"
#include "runtime/runtime.h"

/* Offsets inside a slab, in bytes: enough for every device's vectors and cache lines. */
#define CLMIX_SLAB_ALIGNMENT 256
#define CLMIX_FOREVER        INT32_MAX

enum clmix_argument_kind { CLMIX_ARGUMENT_VALUE, CLMIX_ARGUMENT_UINT, CLMIX_ARGUMENT_INT, CLMIX_ARGUMENT_FLOAT };

struct clmix_argument {
    enum clmix_argument_kind kind;
    int32_t value; /* CLMIX_ARGUMENT_VALUE: index into the plan's values, or CLMIX_NONE */
    cl_uint uint;
    cl_int integer;
    cl_float real;
};

/* A launch record: symbolic until clmix_plan_prepare builds the kernel and sets the arguments. */
struct clmix_record {
    struct clmix_planner *planner; /* while compiling */
    int32_t position;              /* which step of the plan it belongs to */
    int slice;                     /* and which slice of the batch, from 1; 0: all of it */
    char file[48], kernel[64];
    char *options;
    struct clmix_argument *arguments;
    size_t argument_count, argument_capacity;
    size_t groups[3], group[2]; /* work-groups, and work-items of each */
    clmix_library_call call;
    void *data;
    cl_mem *memory; /* for a call: what its values are now */
    size_t *offsets;
    bool has_flops, has_bytes; /* the op said so; else they are derived */
    uint64_t flops, bytes;
    char *label;
    struct clmix_launch launch;
};

/* Storage: what has an address of its own. Inputs, parameters, results that no other storage hosts, scratch. */
struct clmix_storage {
    enum clmix_arena arena;
    int slab;
    size_t offset_bytes, size_bytes;
    int32_t first, last; /* steps during which it holds something needed */
    cl_mem bound;        /* the application's, or NULL */
    size_t bound_bytes;
    bool fed;          /* an input of a batch, or the random words: beside the others of these, unless all are too large for that */
    const void *given; /* what it is about to be sent (feed.c), or NULL */
};

/* A value of the plan: where it lies. Indexed by value id of the graph; scratch and slices of values follow. */
struct clmix_place {
    int32_t storage; /* CLMIX_NONE: never exists in memory */
    size_t offset;   /* elements from the start of the storage */
    size_t pitch;    /* elements from one of its rows to the next */
    clmix_type type;
    clmix_shape shape;
    const char *name;      /* as input, state, weight or output; NULL otherwise */
    const char *path, *op; /* of the node that makes it */
    int32_t position;      /* step that makes it; -1: none */
    int slice; /* from 1: part of value `of` that a slice of the batch uses, or scratch shared with an earlier slice; 0: neither */
    int32_t of;
};

/* Seed and step, 64 bits each with the low half first, and `whole`. */
#define CLMIX_RANDOM_WORDS 6

/* A constant: what fills it, with data of the plan's own. */
struct clmix_table {
    int32_t place;
    clmix_constant_fill fill;
    void *data;
};

struct clmix_plan {
    clmix_device *device;
    clmix_mode mode;
    struct clmix_record **records;
    size_t record_count, record_capacity;
    struct clmix_storage *storages;
    size_t storage_count, storage_capacity;
    struct clmix_place *places;
    size_t place_count, place_capacity;
    int32_t random;                     /* place of the seed, the step, and where the samples lie in a larger batch */
    size_t batch;                       /* of the graph; 0: it has none */
    uint32_t whole[2];                  /* number of the plan's first sample in a batch, and that batch's size */
    uint32_t words[CLMIX_RANDOM_WORDS]; /* of the next run */
    bool unsent;                        /* the device does not have them yet */
    bool placeless;                     /* an op that draws random numbers cannot tell where its samples lie: they are the whole batch */
    int32_t *fed; /* storages that lie side by side, in their order, so that a batch is one transfer; none where that is too large */
    size_t fed_count, fed_capacity;
    unsigned char *staging; /* of the host, for them; NULL before the first that needs it */
    struct clmix_table *tables;
    size_t table_count, table_capacity;
    int32_t steps;
    char **strings;
    size_t string_count, string_capacity;
    clmix_names names; /* places that have a name, by it */
    int32_t *listed;   /* places that tables list */
    size_t listed_count;
    cl_mem arenas[CLMIX_ARENAS]; /* all but the activations, which are slabs */
    bool owns[CLMIX_ARENAS];
    cl_mem *slabs;
    size_t *slab_bytes;
    size_t slab_count, slab_capacity;
    struct clmix_plan *lender;    /* whose slabs are used, or NULL */
    bool prepared, stale, stored; /* stale: bindings changed, arguments must be set again */
    clmix_plan_cost cost;
};

/* plan.c */
const char *clmix_plan_string(struct clmix_plan *plan, const char *text); /* a copy, owned by the plan; NULL when out of memory */
clmix_status clmix_plan_need_place(const struct clmix_plan *plan, const char *name, const struct clmix_place **place);
size_t clmix_place_bytes(const struct clmix_place *place);
clmix_status clmix_place_need_bytes(const struct clmix_place *place, const char *name,
                                    size_t bytes); /* ARGUMENT where it has not so many */
/* prepare.c: prepares the plan, and says where in the device's memory the value lies that has so many bytes */
clmix_status clmix_plan_locate(clmix_plan *plan, const char *name, size_t bytes, cl_mem *memory, size_t *offset_bytes);

size_t clmix_slab_aligned(size_t bytes); /* up to where the next thing may begin */

/* record.c */
void clmix_record_free(struct clmix_record *record);

/* memory.c */
cl_mem clmix_plan_memory(const struct clmix_plan *plan, int32_t storage, size_t *offset_bytes);
clmix_status clmix_plan_allocate(struct clmix_plan *plan); /* what is neither there nor lent */
void clmix_plan_release_slabs(struct clmix_plan *plan);
void clmix_plan_release_arenas(struct clmix_plan *plan);

/* feed.c: the random words, where the device does not have them yet */
clmix_status clmix_plan_send_step(clmix_plan *plan);

/* tables.c: constants */
clmix_status clmix_plan_upload_constants(const struct clmix_plan *plan);

#endif
