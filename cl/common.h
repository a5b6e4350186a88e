// Vectors of VW floats that may start at any float, and the work-group shape of row kernels.
#ifndef CLMIX_COMMON_H
#define CLMIX_COMMON_H

#ifndef VW
#define VW 4    // 1, 4, 8, 16: floats in a vector
#endif
#ifndef WG
#define WG 1    // work-items in a group; 1 in the wide form
#endif
#ifndef CLMIX_WIDE
#define CLMIX_WIDE 0    // 1: the form for processors
#endif

#ifndef CLMIX_FMA
#define CLMIX_FMA 1    // 1: fma is an instruction, by probe.cl; 0: it would be a call, hundreds of times slower
#endif

#ifndef SUB_GROUP
#define SUB_GROUP 0    // 16: asks Intel's compiler for so many work-items a thread, which it would not choose by itself
#endif
#if SUB_GROUP
#define SUB_GROUPS __attribute__((intel_reqd_sub_group_size(SUB_GROUP)))
#else
#define SUB_GROUPS
#endif

// a b + c, rounded once where the device can. Kernels never call fma or mad by themselves.
#if CLMIX_FMA
#define FMA fma
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

#define CLMIX_JOIN_(a, b) a##b
#define CLMIX_JOIN(a, b) CLMIX_JOIN_(a, b)

// Loads and stores go through a type of float alignment, not vload/vstore: PoCL 3.1 splits vstore16 into four stores.
#if VW == 1
typedef float floatv;
typedef float floatvu;
#else
typedef CLMIX_JOIN(float, VW) floatv;
typedef CLMIX_JOIN(float, VW) __attribute__((aligned(4))) floatvu;
#endif

#define LOADV(p) ((floatv)(*(const __global floatvu *)(p)))
#define STOREV(v, p) (*(__global floatvu *)(p) = (v))
// A vector of a result that is much larger than the caches (STREAM): written past them where it may, which takes whole lines, so that they
// need not be read first. What reads the result comes too late to find it in a cache anyway.
#ifndef STREAM
#define STREAM 0    // 0, 1
#endif
#if STREAM && CLMIX_WIDE && VW > 1 && defined(__clang__)
#define STREAMV(v, p)                                                  \
    do {                                                               \
        if (((size_t)(p) & (sizeof(floatv) - 1)) == 0)                 \
            __builtin_nontemporal_store((v), (__global floatv *)(p));  \
        else                                                           \
            STOREV(v, p);                                              \
    } while (0)
#else
#define STREAMV(v, p) STOREV(v, p)
#endif
// Asks for the cache line at p, to read or to write, where the hardware does not foresee it: rows that are read some columns at a time.
// OpenCL's own prefetch() does nothing in the CPU runtimes that the wide form is for; their compilers are clang.
#ifndef PREFETCHING
#define PREFETCHING 0   // 1 where the code is known to run on a processor
#endif
#if CLMIX_WIDE && PREFETCHING && defined(__clang__)
#define PREFETCH(p, writing) __builtin_prefetch((const void *)(size_t)(p), writing, 3)
#else
#define PREFETCH(p, writing)
#endif
#define LOADV_LOCAL(p) ((floatv)(*(const __local floatvu *)(p)))
#define STOREV_LOCAL(v, p) (*(__local floatvu *)(p) = (v))

#endif
