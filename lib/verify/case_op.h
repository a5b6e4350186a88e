/* One operator of a case as a graph: what the builders in case_ops.c work with. */
#ifndef CLMIX_VERIFY_CASE_OP_H
#define CLMIX_VERIFY_CASE_OP_H

#include "verify/case.h"
#include <clmix/ops.h>

/* How a tensor of the file lies on the device. */
enum case_layout {
    CASE_PLAIN,  /* as it is */
    CASE_FLAT,   /* as it is, as one axis */
    CASE_MAP,    /* (B, C, H, W) -> (B, H, W, C) */
    CASE_DETAILS /* (B, C, 3, h, w) -> (B, h, w, 3C), details of a channel side by side */
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

/* Adds the operator's values to the graph. UNSUPPORTED when the operator is unknown. */
clmix_status clmix_case_build(struct op_case *op);

#endif
