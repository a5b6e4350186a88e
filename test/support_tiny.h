/* A network so small that whole runs of it take milliseconds, with files and results to compare with: for tests that make calls fail. */
#ifndef CLMIX_TEST_SUPPORT_TINY_H
#define CLMIX_TEST_SUPPORT_TINY_H

#include <clmix/clmix.h>

/* wavemix, as small as it gets */
#define TINY_CONFIG                                                                                \
    "{\"model\":\"wavemix\",\"image_size\":8,\"channels\":3,\"classes\":10,\"dim\":8,\"depth\":1," \
    "\"mult_dim\":8,\"ff_dim\":4,\"levels\":2,\"level_channels\":[4,4],\"dropout\":0.1}"
#define TINY_SEED        3
#define TINY_PICTURES    4
#define TINY_BYTES       (TINY_PICTURES * 8 * 8 * 3)
#define TINY_PREDICTIONS (TINY_PICTURES * 10)

struct tiny_world {
    clmix_device *device;
    clmix_config *config;
    clmix_dataset *data;
    clmix_network *network; /* the weights of model_path */
    char folder[256], run_folder[300], model_path[300], other_path[300], checkpoint_path[340];
    uint8_t pictures[TINY_BYTES];
    int32_t labels[TINY_PICTURES];
    float predictions[TINY_PREDICTIONS], other_predictions[TINY_PREDICTIONS]; /* of model_path and other_path */
    double loss;                                                              /* of the first training step from model_path */
    clmix_score score;
    size_t peak_bytes;           /* of the training plan on the generic device */
    void *begun, *model, *other; /* contents of a checkpoint after one of two steps, of model_path and of other_path */
    size_t begun_bytes, model_bytes, other_bytes;
    void *end; /* weights and moments after both steps */
    size_t end_bytes;
};
extern struct tiny_world tiny;

/* While calls are made to fail, the Check framework's too: how to end that (NULL otherwise), and whether trying again is in vain. */
struct tiny_trouble {
    size_t (*end)(void);
    bool forever;
};
extern struct tiny_trouble tiny_trouble;

/* Ends the trouble, and fails the test with the library's sentence. */
void tiny_give_up(const char *what);

/* Unchecked fixtures. The folder of kernels is $CLMIX_CACHE_DIR or, without it, one of the test's own. */
void open_tiny_world(void);
void close_tiny_world(void);

clmix_train_options tiny_options(void);
void tiny_ok(clmix_status status);
void *tiny_read(const char *path, size_t *bytes); /* for free() */
bool tiny_holds(const char *path, const void *data, size_t bytes);
void tiny_write(const char *path, const void *data, size_t bytes);
void tiny_classifies(clmix_network *network, const float predictions[TINY_PREDICTIONS]);
/* The run folder holds a checkpoint of which one step is left, and nothing else. */
void tiny_begin_run(void);
void tiny_empty_run_folder(void);
/* Trains a network of its own in the run folder. */
clmix_status tiny_train(bool resume, const clmix_train_events *events);
clmix_status tiny_resume(void);
/* One step of a trainer of its own. */
clmix_status tiny_step(clmix_network *network, double *loss);
/* Weights and moments of the checkpoint in the run folder are those of an undisturbed run. */
void tiny_check_end(void);
/* No file in the folder is a temporary one. */
void tiny_check_folder(const char *folder);

#endif
