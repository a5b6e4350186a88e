/* How the programs take models, weights, classes and devices, and what they say of slips. */
#include <check.h>
#include <clmix/clmix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "io/safetensors.h"
#include "support_suite.h"
#include "support_tool.h"

START_TEST(slips_are_understood_by_every_program)
{
    static const struct {
        const char *command, *sentence;
    } slips[] = {
        { "clmix-train --model wavemix-16 --data shapes --epoch 3", "did you mean --epochs?" },
        { "clmix-train --model wavemix-16 --data shpaes --dry-run", "did you mean 'shapes'?" },
        { "clmix-summary wavemix32", "did you mean 'wavemix-32'?" },
        { "clmix-summary wavemix-16 --set dpeth=3", "did you mean 'depth'?" },
        { "clmix-summary wavemix-16 --set feedforward=liner", "did you mean 'linear'?" },
        { "clmix-summary wavemix-16 --bacth=3", "did you mean --batch?" },
        { "clmix-predict --vesrion", "did you mean --version?" },
        { "clmix-info --chek", "did you mean --check?" },
        { "clmix-verify --jsno", "did you mean --json?" },
        { "clmix-bench model wavemix-16 --secnods 3", "did you mean --seconds?" },
        { "clmix-info --device cup", "did you mean 'cpu'?" },
    };
    char *output;

    for (size_t i = 0; i < sizeof slips / sizeof *slips; i++) {
        ck_assert_int_ne(run_tool(&output, "%s 2>&1", slips[i].command), 0);
        ck_assert_msg(strstr(output, slips[i].sentence) != NULL, "%s: %s", slips[i].command, output);
        free(output);
    }
}
END_TEST

/* --mixer is an override of "mixer" in all programs that take a model. */
START_TEST(a_mixer_is_put_in_by_every_program)
{
#define VIT                                                                                                                               \
    "'{\"model\":\"vit\",\"image_size\":16,\"classes\":10,\"patch_size\":4,\"dim\":8,\"depth\":1,\"heads\":2,\"head_dim\":4,\"mlp_dim\":" \
    "8,"                                                                                                                                  \
    "\"mixer\":{\"kind\":\"mlp\",\"expansion\":4}}'"
    static const struct {
        const char *command, *sentence;
        int status;
    } calls[] = {
        { "clmix-summary " VIT " --mixer mlp:expansion=3 --device generic --json", "\"mixer\":{\"kind\":\"mlp\",\"expansion\":3}", 0 },
        { "clmix-summary " VIT " --mixer mlp:expansion=3 --set mixer.expansion=2 --device generic --json", "\"expansion\":2}", 0 },
        { "clmix-summary " VIT " --mixer mpl --device generic", "no kind 'mpl'", 1 },
        { "clmix-summary " VIT " --mixer mlp:expansoin=3 --device generic", "did you mean 'expansion'?", 1 },
        { "clmix-summary wavemix-16 --mixer mlp", "'wavemix-16' takes no other mixer: the model wavemix mixes tokens in its own way", 2 },
        { "clmix-train --model wavemix-16 --data shapes --mixer mlp", "takes no other mixer", 2 },
        { "clmix-train --model " VIT " --data shapes:train=20,test=20 --batch 10 --epochs 1 --out v --mixer mlp:expansion=2",
          "model.safetensors has it", 0 },
        { "clmix-summary v --device generic --json", "\"expansion\":2}", 0 },
        { "clmix-predict v --mixer mlp:expansion=3 --data shapes:train=0", "'transformer", 1 },
        { "clmix-train --resume v --mixer mlp", "--mixer and --set are for a new one", 2 },
        { "clmix-bench plan wavemix-16 --mixer mlp --device generic", "takes no other mixer", 2 },
        { "clmix-bench plan " VIT " --mixer mlp:expansion=3 --seconds 0 --device generic", "plan train", 0 },
        { "clmix-bench ops --mixer mlp", "--mixer is of model, start, plan, profile, all and devices", 2 },
    };
    const char *folder = make_folder();

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char *output;
        const int status = run_tool(&output, "cd '%s' && %s 2>&1", folder, calls[i].command);

        ck_assert_msg(status == calls[i].status && strstr(output, calls[i].sentence) != NULL, "%s: %d, %s", calls[i].command, status,
                      output);
        free(output);
    }
    remove_folder(folder);
}
END_TEST

#ifndef __SANITIZE_ADDRESS__ /* which takes all addresses for itself */
/* Drivers that find no room for themselves are not missing. */
START_TEST(a_limit_on_addresses_is_named)
{
    char *output;
    int status = run_tool(&output, "ulimit -v 60000; clmix-info 2>&1");

    if (strstr(output, "error while loading shared libraries") == NULL) { /* the program itself needs more than that elsewhere */
        ck_assert_int_eq(status, 1);
        ck_assert_msg(strstr(output, "ulimit -v") != NULL && strstr(output, "install a driver") == NULL, "%s", output);
    }
    free(output);
}
END_TEST
#endif

/* ---- weights of others ---------------------------------------------------------------------------------------------------------------- */

#define TINY "{\"model\":\"wavemix\",\"image_size\":[16,16],\"classes\":%d,\"dim\":8,\"depth\":1,\"mult_dim\":8,\"ff_dim\":4}"

static char folder[512];

static void ok(clmix_status status)
{
    ck_assert_msg(status == CLMIX_OK, "%s", clmix_error());
}

/* trained.safetensors, of three classes; the same without metadata, as PyTorch saves a state_dict; its configuration; names. */
static void begin(void)
{
    static const char names[] = "ant\nbee\r\ncat";
    char path[600], text[300];
    clmix_device *device;
    clmix_config *config;
    clmix_network *network;
    clmix_safetensors *file;
    clmix_stored_tensor tensors[64];
    size_t count;

    snprintf(folder, sizeof folder, "%s", make_folder());
    snprintf(text, sizeof text, TINY, 3);
    ok(clmix_device_open(&device, NULL));
    ok(clmix_config_open(&config, text));
    ok(clmix_network_create(&network, device, config, 11));
    snprintf(path, sizeof path, "%s/trained.safetensors", folder);
    ok(clmix_network_save(network, path));
    ok(clmix_safetensors_open(&file, path));
    count = clmix_safetensors_count(file);
    ck_assert_uint_le(count, 64);
    for (size_t i = 0; i < count; i++)
        tensors[i] = *clmix_safetensors_at(file, i);
    snprintf(path, sizeof path, "%s/torch.safetensors", folder);
    ok(clmix_safetensors_write(path, tensors, count, NULL, 0));
    snprintf(path, sizeof path, "%s/tiny.json", folder);
    ok(clmix_file_write(path, text, strlen(text)));
    snprintf(path, sizeof path, "%s/names.txt", folder);
    ok(clmix_file_write(path, names, sizeof names - 1));
    clmix_safetensors_close(file);
    clmix_network_free(network);
    clmix_config_free(config);
    clmix_device_close(device);
}

static void end(void)
{
    remove_folder(folder);
}

/* Runs a command in the folder; the caller frees. */
static char *says(const char *command, int status)
{
    char *output;
    int found = run_tool(&output, "cd '%s' && %s 2>&1", folder, command);

    ck_assert_msg(found == status, "%s: %d, %s", command, found, output);
    return output;
}

static void expect(const char *command, int status, const char *part)
{
    char *output = says(command, status);

    ck_assert_msg(strstr(output, part) != NULL, "%s: %s", command, output);
    free(output);
}

#define PICTURE CLMIX_TEST_DATA "/pictures/rgb.png"

START_TEST(a_state_dict_is_taken_by_every_program)
{
    char *with = says("clmix-predict trained.safetensors " PICTURE " --json --top 3", 0);
    char *without = says("clmix-predict --model tiny.json --weights torch.safetensors " PICTURE " --json --top 3", 0);

    ck_assert_str_eq(with, without);
    free(with);
    free(without);
    expect("clmix-predict torch.safetensors " PICTURE, 1, "--model PRESET --weights FILE");
    expect("clmix-predict tiny.json " PICTURE, 2, "a model without weights");
    expect("clmix-predict --weights trained.safetensors " PICTURE, 0, " % ");
    expect("clmix-predict --model wavemix-16 --weights torch.safetensors " PICTURE, 1, "made by another");
    expect("clmix-summary tiny.json --weights torch.safetensors", 0, "parameters");
    expect("clmix-summary --model tiny.json --weights torch.safetensors --set dim=16", 1, "made by another configuration");
    expect("clmix-bench model tiny.json --weights torch.safetensors --seconds 0 --batch 2 --mode infer --quick", 0, "tiny.json");
    expect("clmix-bench model tiny.json --weights none.safetensors --seconds 0 --batch 2 --mode infer --quick", 1, "none.safetensors");
    expect("clmix-bench all --weights torch.safetensors --out x", 2, "--weights is of model, start and profile");
    expect("clmix-train --model tiny.json --weights torch.safetensors --set classes=10 --data shapes:size=16,train=4,test=2 --out t", 1,
           "made by another configuration");
}
END_TEST

START_TEST(classes_are_named_by_a_file)
{
    expect("clmix-predict --model tiny.json --weights torch.safetensors --classes names.txt " PICTURE, 0, "bee\n");
    expect("clmix-predict --model tiny.json --set classes=10 --weights torch.safetensors --classes names.txt " PICTURE, 1,
           "3x8 in the file and 10x8 in the model");
    expect("clmix-predict trained.safetensors --classes tiny.json " PICTURE, 1, "has 1 names and");
    expect("clmix-predict trained.safetensors --classes none.txt " PICTURE, 1, "none.txt");
    expect("clmix-summary wavemix-16 --classes names.txt --json", 0, "\"classes\":3");
}
END_TEST

#define SHAPES "--data shapes:size=16,train=16,test=8 --batch 8 --epochs 1"

static void expect_in_checkpoint(const char *name)
{
    clmix_safetensors *file;
    char path[600];

    snprintf(path, sizeof path, "%s/named/checkpoint.safetensors", folder);
    ok(clmix_safetensors_open(&file, path));
    ck_assert_ptr_nonnull(strstr(clmix_safetensors_metadata(file, "classes"), name));
    clmix_safetensors_close(file);
}

START_TEST(a_run_keeps_the_names_that_it_was_given)
{
    static const char names[] = "a\nb\nc\nd\ne\nf\ng\nh\ni\nzebra fish\n";
    char path[600];

    snprintf(path, sizeof path, "%s/ten.txt", folder);
    ok(clmix_file_write(path, names, sizeof names - 1));
    expect("clmix-train --model tiny.json --set classes=10 --classes names.txt --data shapes:size=16,train=8,test=4 --out named", 1,
           "has 3 names and");
    free(says("clmix-train --model tiny.json --set classes=10 --classes ten.txt --data shapes:size=16,train=8,test=4 --batch 4 "
              "--schedule constant --epochs 1 --out named",
              0));
    expect("clmix-predict named --top 10 " PICTURE, 0, "zebra fish\n");
    expect("clmix-train --resume named --classes ten.txt", 2, "--classes");
    free(says("clmix-train --resume named --epochs 2", 0));
    expect_in_checkpoint("zebra fish");
}
END_TEST

START_TEST(a_trained_network_begins_one_for_other_classes)
{
    expect("clmix-train --model trained.safetensors " SHAPES " --out a", 2, "clmix-train --init trained.safetensors");
    expect("clmix-train --init trained.safetensors " SHAPES " --out b", 0, "fresh: mlp_head.weight, mlp_head.bias");
    expect("clmix-predict b " PICTURE, 0, " % ");
    expect("clmix-train --init torch.safetensors " SHAPES " --out c", 1, "--model PRESET --weights FILE");
    expect("clmix-train --model tiny.json --init torch.safetensors --freeze 'layers.*' --freeze 'conv.*' " SHAPES " --out d", 0,
           "taken over from torch.safetensors: conv (4), layers (");
    expect("clmix-train --model tiny.json --init torch.safetensors --freeze 'lairs.*' " SHAPES " --out e", 1,
           "'lairs.*' of weights to freeze");
    expect("clmix-train --init trained.safetensors --resume d", 2, "--mixer and --set are for a new one");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("models of the programs");
    TCase *tool = tcase_create("tool"), *weights = tcase_create("weights");

    tcase_set_timeout(tool, 300);
    tcase_add_test(tool, slips_are_understood_by_every_program);
    tcase_add_test(tool, a_mixer_is_put_in_by_every_program);
#ifndef __SANITIZE_ADDRESS__
    tcase_add_test(tool, a_limit_on_addresses_is_named);
#endif
    suite_add_tcase(suite, tool);
    tcase_set_timeout(weights, 300);
    tcase_add_unchecked_fixture(weights, begin, end);
    tcase_add_test(weights, a_state_dict_is_taken_by_every_program);
    tcase_add_test(weights, classes_are_named_by_a_file);
    tcase_add_test(weights, a_run_keeps_the_names_that_it_was_given);
    tcase_add_test(weights, a_trained_network_begins_one_for_other_classes);
    suite_add_tcase(suite, weights);
    return support_run(suite);
}
