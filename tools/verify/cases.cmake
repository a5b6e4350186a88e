# The cases inside clmix-verify, for --self: together they launch every op of the library that computes anything, in both forms of the kernels, and each
# family of models once; test/tool_self.c checks both. The smallest of each kind: all of them take about a minute on two cores once the kernels are compiled.
set(embedded_cases
  ops/adamw ops/attn_dct_ideal_lshape ops/attn_efficient ops/attn_kerformer_causal_se ops/attn_kerformer_d_from_d ops/attn_kerformer_mask ops/attn_linear_elu_causal
  ops/attn_mixer_dct_x_short ops/attn_mixer_mra2_image_block8 ops/attn_mra2_sparse_mask ops/attn_nystrom_pad
  ops/attn_performer_mask_features ops/attn_softmax_causal ops/attn_softmax_mask ops/batch_norm_eval ops/batch_norm_train ops/cct_attention
  ops/channel_norm ops/conv1d_tokens ops/conv2d_1x1 ops/conv2d_3x3 ops/conv2d_3x3_stride2 ops/conv2d_depthwise_3x3_stride2
  ops/conv2d_grouped ops/conv_transpose2d_k4_s2 ops/conv_transpose2d_k6_s4 ops/cross_entropy ops/cvt_attention_train
  ops/dct_2d_5x4_of_31x16 ops/dct_fwd_n16_of_64 ops/dct_inv2d_5x4_to_31x16 ops/dct_inv_n7_to_31 ops/dct_matrix_7x7 ops/elu ops/exp
  ops/fourier_mix ops/fourier_mix_prime ops/gather ops/gelu ops/global_average_pool ops/haar_dwt_odd_3levels ops/haar_idwt_odd
  ops/hard_swish ops/layer_norm ops/levit_attention_train ops/linear ops/linformer_attention ops/max_pool_3x3_s2 ops/mlp_mix ops/normalize
  ops/nystrom_attention_short ops/patches_pit ops/patches_vit ops/performer_attention ops/performer_attention_relu ops/pinv_6 ops/pit_pool
  ops/relu ops/rope ops/rope_table ops/sequence_pool ops/sigmoid ops/softmax ops/softmax_attention ops/softmax_axis1 ops/tanh ops/top_k
  ops/wavemix_bands ops/wavemix_block_linear
  models/bert_classify_binary models/cct models/cvn models/levil models/lra_linear_elu_cls models/mlp_mixer models/pit
  models/roberta_mlm_mra2 models/vit models/wavemix_linear)
