/* Symbols: which a shared clmix offers. The library is built with hidden visibility, and only what carries CLMIX_API is public. */
#ifndef CLMIX_EXPORT_H
#define CLMIX_EXPORT_H

/* Marks what is public. */
#if defined(__GNUC__) || defined(__clang__)
#define CLMIX_API __attribute__((visibility("default")))
#else
#define CLMIX_API
#endif

#endif
