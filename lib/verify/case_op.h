/* One operator of a case as a graph: what builders of operators work with. */
#ifndef CLMIX_VERIFY_CASE_OP_H
#define CLMIX_VERIFY_CASE_OP_H

#include "verify/case.h"
#include <clmix/ops.h>

/* How a tensor of the file lies on the device. */
enum case_layout {
    CASE_PLAIN,   /* as it is */
    CASE_FLAT,    /* as it is, as one axis */
    CASE_MAP,     /* (B, C, H, W) -> (B, H, W, C) */
    CASE_DETAILS, /* (B, C, 3, h, w) -> (B, h, w, 3C), details of a channel side by side */
    CASE_HEADS    /* (B, heads, N, d) -> (B, N, heads * d) */
};

#define CASE_MOST_PORTS 64

/* An input or an output of the graph. */
struct case_port {
    char name[64];
    enum case_layout layout;
    clmix_value value;
};

struct op_case {
    struct reference_case *of;
    clmix_graph *graph;
    bool training;
    const char *own; /* what the case leaves out at the beginning of weights' names; NULL: nothing */
    struct case_port inputs[CASE_MOST_PORTS], outputs[CASE_MOST_PORTS];
    size_t input_count, output_count;
    clmix_plan *plan;
    cl_mem weights, states, gradients;
};

/* File shape and order of axes of a stored tensor, and the shape that the graph sees. */
clmix_status clmix_case_lay_out(const clmix_stored_tensor *stored, enum case_layout layout, clmix_tensor_info *info, clmix_shape *seen);
/* Input in.NAME; a value without a graph, and an error kept in the graph, when the case has none or it does not fit the layout. */
clmix_value clmix_case_input(struct op_case *op, const char *name, enum case_layout layout);
/* Output out.NAME. */
void clmix_case_output(struct op_case *op, const char *name, clmix_value value, enum case_layout layout);
/* The shape of param.NAME, out.NAME or whatever the full name says: CLMIX_MAX_RANK or fewer axes. */
clmix_status clmix_case_shape(const struct op_case *op, const char *name, clmix_shape *shape);

/* ---- attributes: entries of "config" beside "op"; one that is not there leaves what was in the variable --------------------------------- */

clmix_status clmix_case_number(const struct op_case *op, const char *key, float *value);
clmix_status clmix_case_integer(const struct op_case *op, const char *key, int64_t minimum, int *value);
/* [height, width], or one number for both. */
clmix_status clmix_case_pair(const struct op_case *op, const char *key, int64_t minimum, size_t pair[2]);
/* "stride", "padding", "groups" of a convolution or pooling whose kernel is known. */
clmix_status clmix_case_window(const struct op_case *op, clmix_window *window);
/* An attribute that clmix has no counterpart of, where it is not at its neutral value. */
clmix_status clmix_case_refuse(const struct op_case *op, const char *key, size_t neutral);
/* Whether there is a tensor of this full name. */
bool clmix_case_has(const struct op_case *op, const char *name);
/* Shape of param.weight, which must have `rank` axes. */
clmix_status clmix_case_weight(const struct op_case *op, int rank, clmix_shape *shape);

/* ---- operators ------------------------------------------------------------------------------------------------------------------------ */

struct case_operator {
    const char *name; /* the value of "op"; NULL at the end of a table */
    clmix_status (*build)(struct op_case *op);
};
extern const struct case_operator clmix_case_ops[];       /* case_ops.c */
extern const struct case_operator clmix_case_mixers[];    /* case_mixers.c */
extern const struct case_operator clmix_case_attention[]; /* case_attention.c */
extern const struct case_operator clmix_case_positions[]; /* case_positions.c */
extern const struct case_operator clmix_case_nystrom[];   /* case_nystrom.c */
extern const struct case_operator clmix_case_dct[];       /* case_dct.c */
extern const struct case_operator clmix_case_data[];      /* case_data.c */

/* Adds the operator's values to the graph. UNSUPPORTED when the operator is unknown. */
clmix_status clmix_case_build(struct op_case *op);

#endif
