/* Device memory that training is planned with, for a device that is only described: limits for the papers' models at the papers' batch, and
 * growth in proportion to the tokens, whatever mixes them. */
#include "models/mixers/mixer.h"
#include "support_suite.h"

#include <check.h>
#include <clmix/clmix.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static clmix_device *device;

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

static void open_generic(void)
{
    ok(clmix_device_generic(&device));
}

static void close_device(void)
{
    clmix_device_close(device);
}

/* Planned peak of a training step, in millions of bytes. */
static double peak_of(const char *model, size_t batch)
{
    clmix_train_options options = clmix_train_defaults();
    clmix_config *config;
    size_t peak;

    options.batch = batch;
    ok(clmix_config_open(&config, model));
    ok(clmix_train_cost(device, config, batch, batch, &options, NULL, &peak));
    clmix_config_free(config);
    return (double)peak * 1e-6;
}

/* ---- limits -------------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *model;
    double most;
} limits[] = {
    { "vit", 1300 }, { "vil", 1350 },       { "vip", 1700 }, { "vin", 1600 },
    { "fnet", 850 }, { "mlp-mixer", 1000 }, { "cct", 1950 }, { "ccn", 2200 },
};

START_TEST(step_of_64_pictures_fits)
{
    const double peak = peak_of(limits[_i].model, 64);

    ck_assert_msg(peak <= limits[_i].most, "%s: %.1f MB, and %.0f are the most", limits[_i].model, peak, limits[_i].most);
}
END_TEST

/* ---- growth -------------------------------------------------------------------------------------------------------------------------- */

/* Peak of two blocks on a picture of side x side tokens, and a class token. */
static double peak_of_tokens(const char *kind, const char *keys, size_t side)
{
    char model[512];

    snprintf(model, sizeof model,
             "{\"model\":\"vit\",\"image_size\":%zu,\"classes\":10,\"dim\":64,\"depth\":2,\"heads\":2,\"head_dim\":32,\"mlp_dim\":128,"
             "\"mixer\":{\"kind\":\"%s\"%s}}",
             side, kind, keys);
    return peak_of(model, 16);
}

/* What some kinds need said. */
static const char *keys_of(const char *kind)
{
    if (strcmp(kind, "dct") == 0)
        return ",\"coefficients\":64";
    return strncmp(kind, "mra2", 4) == 0 ? ",\"blocks_per_row\":2" : "";
}

/* From 256 to 16,384 tokens each fourfold number adds four times what the one before did. The mixer of MLP-Mixer is left out: its weights
 * are two matrices of tokens by tokens. */
START_TEST(memory_grows_with_the_tokens)
{
    for (size_t i = 0; clmix_mixer_tables[i] != NULL; i++) {
        const char *kind = clmix_mixer_tables[i]->name;
        double peak[4];

        if (strcmp(kind, "mlp") == 0)
            continue;
        for (size_t k = 0; k < 4; k++)
            peak[k] = peak_of_tokens(kind, keys_of(kind), (size_t)16 << k);
        for (size_t k = 2; k < 4; k++) {
            const double growth = (peak[k] - peak[k - 1]) / (peak[k - 1] - peak[k - 2]);

            ck_assert_msg(growth > 3.6 && growth < 4.4, "%s: %.1f, %.1f, %.1f and %.1f MB for 256 to 16384 tokens: growth by %.2f", kind,
                          peak[0], peak[1], peak[2], peak[3], growth);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *all = tcase_create("memory");

    tcase_add_unchecked_fixture(all, open_generic, close_device);
    tcase_add_loop_test(all, step_of_64_pictures_fits, 0, (int)(sizeof limits / sizeof *limits));
    tcase_add_test(all, memory_grows_with_the_tokens);
    suite_add_tcase(suite, all);
    return support_run(suite);
}
