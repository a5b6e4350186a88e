# What also runs where running is slow: regular expressions of test programs, and of reference cases that take too long there. CLMIX_TEST_EFFORT=small in
# the environment of these runs tells a program to keep to its smallest sizes.

# Left out unless asked for (README.md here): second compilers of a form that is at home elsewhere, and second processors of one family. What a default run
# keeps of each platform: the reference cases, in one form at least.
set(long_tests
  "^pocl-simt[.]"                                       # at home on Intel's runtime; the cases of ops stay, on pocl-sse2
  "^intel-wide[.](ops_|model_|verify$)"                 # at home on PoCL; the cases stay, on intel-avx2, -avx and -sse4
  "^intel[.](tool_(bench|runs|columns|models|output|train)|unit_(faults|driver))$"    # what is tested is the host's
  "^pocl-avx2-|^pocl-sse2-wide[.]|^intel-avx2-|^intel-sse4-"    # intel-avx has no multiply-add either
  "^rusticl[.]ops_"
  "^intel-avx[.]ops_"                                   # the cases stay
  "^oclgrind-simt[.](verify-model|ops_gemm)$"           # the kernels are those of the ops; the tiles those of linear layers and convolutions
  "^sanitize[.](ops_|tool_(bench|columns|output|runs|terminal)$)"
  "^isa[.](gfx9|gfx11|sm_|skl|tgllp|acm-g10|pvc)"       # gfx1030, which spills first, stays
)
list(JOIN long_tests "|" long_tests)

# With small effort, and with full effort as a test of their own, NAME.full, that is long
set(small_tests "^(pocl[.]unit_(driver|faults)|pocl-wide[.]ops_(gemm|conv|performer|attention)|intel-simt[.]ops_(gemm|performer|attention|multiresolution|kernel_attention|dct))$")

# started first
set(first_programs "^(ops_gemm|ops_conv|unit_driver|unit_faults|tool_train)$")

set(intel_left_out "^(tool_terminal|tool_vocab|unit_text_.*)$")   # the host's; what a terminal shows compiles all anew with every command
# rusticl on llvmpipe, 30 to 250 times slower than PoCL: kernels, and not what the host makes of measured times
set(rusticl_programs "^(unit_device|ops_|tool_self$)")    # and what is said of the driver
set(rusticl_left_out "^(ops_tune|ops_gemm_route)$")
# Drivers told to compile for processors with narrower vectors, and without fused multiply-add: kernels, and what decides them
set(narrow_platforms pocl-avx2 pocl-sse2 intel-avx2 intel-avx intel-sse4)
set(narrow_programs "^unit_probe$")                     # beside the reference cases
set(narrow_full_platforms intel-avx)                    # and on these the ops that multiply and add
set(narrow_full_programs "^ops_(activation|conv|dropout|fusion|fusion_norm|gemm|linear|loss|norm|softmax|wavelet)$")
set(all_programs "^(unit_device|tool_info)")            # every driver of the machine side by side in one process
set(sanitize_programs "^(unit_|ops_|model_|train_|tool_)")

# What leaves the choice of a tile to sizes, so that barriers and edges depend on them: a missing barrier of a convolution was seen here and nowhere else.
set(oclgrind_programs "^(ops_conv|ops_gemm|ops_column_sum|ops_linear)$")

# Reference cases of operators on tokens, which no test of an op repeats: all of them on PoCL and on Intel's runtime. The other platforms
# run one of each kernel.
set(operator_cases "/(attn|dct)_")
set(second_cases attn_kerformer_mask attn_kerformer_causal_se attn_performer_mask_features attn_nystrom_pad attn_dct_qkv_mask attn_mra2_diag3_first
  attn_mra2_sparse_mask attn_softmax_mask attn_cosformer_mask attn_efficient_mask attn_linear_elu_causal dct_fwd_n16_of_64
  dct_inv_n7_to_31)
list(JOIN second_cases "|" second_cases)
set(second_cases "/(${second_cases})[.]")

# Reference cases of the ops: Oclgrind with race detection is some 2000 times slower than PoCL, following uninitialised values ten times slower again.
set(oclgrind_simt_left_out "transpose2d_k(18|34)|wavemix_block")
# Mixers of tokens are not followed: lanes of their tiles that no result reads hold what was there, and the simulator itself ends on some of them.
set(unfollowed "attention|attn_|pinv|fourier|rope|channel_norm|sequence_pool|patches|pit_pool|depthwise_3x3_stride2")
set(uninitialized_simt_left_out "transpose2d_k(6|10|18|34)|wavemix_block|7x7|${unfollowed}")
set(uninitialized_wide_left_out "transpose2d_k34|${unfollowed}")

# Reference cases of models other than WaveMix, which has a program of its own: all of them on PoCL in the wide form, and of each structure the shortest
# one in every form, on Intel's runtime and rusticl too.
set(structure_cases vit vip vil vin fnet mlp_mixer levit cct cvt pit bert_mlm_softmax lra_linear_elu_cls)
set(backbone_cases vil mlp_mixer levit cct cvt pit)    # the shortest of each backbone, for Oclgrind
