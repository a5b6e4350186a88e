#include "io/foreign.h"

#include "base/utf8.h"

#include <string.h>

#define LOOKED_AT 512 /* bytes, to tell text */

#define CONVERT                                                                                                                    \
    "convert it with: python3 -c \"import sys, torch; from safetensors.torch import save_file; save_file(torch.load(sys.argv[1], " \
    "map_location='cpu', weights_only=True), sys.argv[2])\" FILE.pt FILE.safetensors (what it holds must be a state_dict)"

static const struct kind {
    const char *begin;
    size_t bytes;
    const char *text;
} kinds[] = {
    { "PK\003\004", 4, "a zip file, as PyTorch's .pt and .pth are; " CONVERT },
    { "\x80\002", 2, "a pickle, as old .pt and .pth files of PyTorch are; " CONVERT },
    { "\x80\003", 2, "a pickle; " CONVERT },
    { "\x80\004", 2, "a pickle; " CONVERT },
    { "\x80\005", 2, "a pickle; " CONVERT },
    { "\x89PNG", 4, "a PNG picture" },
    { "\xff\xd8\xff", 3, "a JPEG picture" },
    { "\x1f\x8b", 2, "a file that gzip packed; unpack it" },
    { "\x89HDF", 4, "an HDF5 file, as Keras writes; its weights must be saved as safetensors" },
    { "\x93NUMPY", 6, "an array of NumPy" },
    { "version https://git-lfs", 23, "a pointer of Git LFS to the file; 'git lfs pull' fetches the file itself" },
    { "<!", 2, "a web page; the download went wrong" },
    { "<html", 5, "a web page; the download went wrong" },
};

const char *clmix_foreign(const void *content, size_t bytes)
{
    size_t text = bytes < LOOKED_AT ? bytes : LOOKED_AT;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (bytes >= kinds[i].bytes && memcmp(content, kinds[i].begin, kinds[i].bytes) == 0)
            return kinds[i].text;
    for (int cut = 0; bytes > 0 && cut < 4 && text > 0; cut++, text--) /* the last character may be cut off */
        if (clmix_utf8_valid(content, text))
            return "a text";
    return NULL;
}
