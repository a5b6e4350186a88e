/* All op descriptors, for the table and for ops whose backward pass is made of other ops. */
#ifndef CLMIX_OPS_TABLE_H
#define CLMIX_OPS_TABLE_H

#include "graph/op.h"
#include "ops/activation.h"

extern const struct clmix_op clmix_op_add;
extern const struct clmix_op clmix_op_add_repeated;
extern const struct clmix_op clmix_op_attention;
extern const struct clmix_op clmix_op_attention_grad;
extern const struct clmix_op clmix_op_batch_norm;
extern const struct clmix_op clmix_op_batch_norm_grad;
extern const struct clmix_op clmix_op_block_attention;
extern const struct clmix_op clmix_op_block_attention_grad;
extern const struct clmix_op clmix_op_block_choice;
extern const struct clmix_op clmix_op_block_means;
extern const struct clmix_op clmix_op_block_means_grad;
extern const struct clmix_op clmix_op_block_rest_grad;
extern const struct clmix_op clmix_op_channel_dots;
extern const struct clmix_op clmix_op_channel_norm;
extern const struct clmix_op clmix_op_channel_norm_grad;
extern const struct clmix_op clmix_op_column_sum;
extern const struct clmix_op clmix_op_concat;
extern const struct clmix_op clmix_op_conv2d;
extern const struct clmix_op clmix_op_conv2d_grad_input;
extern const struct clmix_op clmix_op_conv2d_grad_weight;
extern const struct clmix_op clmix_op_conv_transpose2d;
extern const struct clmix_op clmix_op_conv_transpose2d_grad_input;
extern const struct clmix_op clmix_op_conv_transpose2d_grad_weight;
extern const struct clmix_op clmix_op_copy;
extern const struct clmix_op clmix_op_cross_entropy;
extern const struct clmix_op clmix_op_cross_entropy_grad;
extern const struct clmix_op clmix_op_dct;
extern const struct clmix_op clmix_op_dct_inverse;
extern const struct clmix_op clmix_op_drop_path;
extern const struct clmix_op clmix_op_drop_path_grad;
extern const struct clmix_op clmix_op_dropout;
extern const struct clmix_op clmix_op_dropout_grad;
extern const struct clmix_op clmix_op_embed;
extern const struct clmix_op clmix_op_feature_means;
extern const struct clmix_op clmix_op_feature_means_grad;
extern const struct clmix_op clmix_op_feature_shift;
extern const struct clmix_op clmix_op_features;
extern const struct clmix_op clmix_op_features_grad;
extern const struct clmix_op clmix_op_fourier_mix;
extern const struct clmix_op clmix_op_gather;
extern const struct clmix_op clmix_op_gather_grad;
extern const struct clmix_op clmix_op_global_average_pool;
extern const struct clmix_op clmix_op_global_average_pool_grad;
extern const struct clmix_op clmix_op_haar_adjoint;
extern const struct clmix_op clmix_op_haar_bands;
extern const struct clmix_op clmix_op_haar_idwt;
extern const struct clmix_op clmix_op_labelled_places;
extern const struct clmix_op clmix_op_layer_norm;
extern const struct clmix_op clmix_op_layer_norm_grad;
extern const struct clmix_op clmix_op_linear;
extern const struct clmix_op clmix_op_linear_attention;
extern const struct clmix_op clmix_op_linear_causal;
extern const struct clmix_op clmix_op_linear_causal_keys_grad;
extern const struct clmix_op clmix_op_linear_causal_queries_grad;
extern const struct clmix_op clmix_op_linear_causal_values_grad;
extern const struct clmix_op clmix_op_linear_grad_input;
extern const struct clmix_op clmix_op_linear_grad_weight;
extern const struct clmix_op clmix_op_linear_keys_grad;
extern const struct clmix_op clmix_op_linear_norm_grad;
extern const struct clmix_op clmix_op_linear_queries_grad;
extern const struct clmix_op clmix_op_linear_state_grad;
extern const struct clmix_op clmix_op_linear_values_grad;
extern const struct clmix_op clmix_op_mask_tokens;
extern const struct clmix_op clmix_op_matmul;
extern const struct clmix_op clmix_op_max_pool2d;
extern const struct clmix_op clmix_op_max_pool2d_grad;
extern const struct clmix_op clmix_op_normalize;
extern const struct clmix_op clmix_op_ones;
extern const struct clmix_op clmix_op_patch_order;
extern const struct clmix_op clmix_op_performer_peaks;
extern const struct clmix_op clmix_op_pseudo_inverse;
extern const struct clmix_op clmix_op_pseudo_inverse_grad;
extern const struct clmix_op clmix_op_push_id;
extern const struct clmix_op clmix_op_reshape;
extern const struct clmix_op clmix_op_rotary;
extern const struct clmix_op clmix_op_running_means;
extern const struct clmix_op clmix_op_running_means_grad;
extern const struct clmix_op clmix_op_scale;
extern const struct clmix_op clmix_op_scale_channels;
extern const struct clmix_op clmix_op_segment_means;
extern const struct clmix_op clmix_op_segment_means_grad;
extern const struct clmix_op clmix_op_slice;
extern const struct clmix_op clmix_op_slice_copy;
extern const struct clmix_op clmix_op_slice_grad;
extern const struct clmix_op clmix_op_softmax;
extern const struct clmix_op clmix_op_softmax_grad;
extern const struct clmix_op clmix_op_split;
extern const struct clmix_op clmix_op_take_tokens;
extern const struct clmix_op clmix_op_take_tokens_grad;
extern const struct clmix_op clmix_op_token_conv;
extern const struct clmix_op clmix_op_token_conv_grad_input;
extern const struct clmix_op clmix_op_token_conv_grad_weight;
extern const struct clmix_op clmix_op_token_dots;
extern const struct clmix_op clmix_op_token_dots_grad;
extern const struct clmix_op clmix_op_token_dots_table;
extern const struct clmix_op clmix_op_token_numbers;
extern const struct clmix_op clmix_op_top_k;
extern const struct clmix_op clmix_op_zeros;

#define CLMIX_DECLARE_ACTIVATION(name, kept, flags) \
    extern const struct clmix_op clmix_op_##name;   \
    extern const struct clmix_op clmix_op_##name##_grad;
CLMIX_ACTIVATIONS(CLMIX_DECLARE_ACTIVATION)

/* All of them; NULL at the end. */
extern const struct clmix_op *const clmix_ops[];

#endif
