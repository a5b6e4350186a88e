/* What a driver for processors compiles for, as far as its names do not say it: two processors of one name, or one under two settings, must not
 * share programs or what was measured. A driver loads a program that was made for fewer instructions than it has, without a word. */
#include "runtime/internal.h"

#include <stdlib.h>
#include <string.h>

#if defined(__linux__) && !defined(__x86_64__) && !defined(__i386__)
#include <sys/auxv.h>
#endif

/* What the compilers of drivers read. They cannot be asked. */
static const char *const variables[] = {
    "CL_CONFIG_CPU_TARGET_ARCH", /* Intel's runtime */
    "CL_CONFIG_CPU_VECTORIZER_MODE",
    "CL_CONFIG_CPU_EXPENSIVE_MEM_OPT",
    "CL_CONFIG_CPU_RT_LOOP_UNROLL_FACTOR",
    "CL_CONFIG_LLVM_OPTIONS",
    "CL_CONFIG_USE_FAST_RELAXED_MATH",
    "CL_CONFIG_USE_VECTORIZER",
    "POCL_EXTRA_BUILD_FLAGS",
    "POCL_KERNELLIB_NAME",
    "POCL_LLVM_CPU_NAME",
    "POCL_WORK_GROUP_METHOD",
};

static void add_instruction_sets(clmix_hash *hash)
{
#if defined(__x86_64__) || defined(__i386__)
    const unsigned char has[] = {
        __builtin_cpu_supports("sse4.2") != 0,   __builtin_cpu_supports("avx") != 0,      __builtin_cpu_supports("fma") != 0,
        __builtin_cpu_supports("avx2") != 0,     __builtin_cpu_supports("avx512f") != 0,  __builtin_cpu_supports("avx512bw") != 0,
        __builtin_cpu_supports("avx512dq") != 0, __builtin_cpu_supports("avx512vl") != 0, __builtin_cpu_supports("avx512cd") != 0,
    };

    clmix_hash_add(hash, has, sizeof has);
#elif defined(__linux__)
    const unsigned long has[] = { getauxval(AT_HWCAP), getauxval(AT_HWCAP2) };

    clmix_hash_add(hash, has, sizeof has);
#else
    (void)hash;
#endif
}

uint64_t clmix_target_of(const clmix_device_info *info)
{
    unsigned char digest[CLMIX_HASH_BYTES];
    uint64_t target = 0;
    clmix_hash hash;

    if (!clmix_is_processor(info))
        return 0;
    clmix_hash_start(&hash);
    add_instruction_sets(&hash);
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i]);

        clmix_hash_add(&hash, value == NULL ? "" : value, value == NULL ? 1 : strlen(value) + 1);
    }
    clmix_hash_finish(&hash, digest);
    memcpy(&target, digest, sizeof target);
    return target;
}
