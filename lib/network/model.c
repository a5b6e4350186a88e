/* A configuration as a model: the ports that it reads, what it answers, and its graph on values of theirs. */
#include "base/port.h"
#include "base/status.h"
#include "graph/op.h"
#include "network/config.h"

#include <clmix/ops.h>
#include <clmix/sequence.h>

int clmix_config_ports(const clmix_config *config, size_t length, clmix_port ports[CLMIX_MOST_PORTS])
{
    return config != NULL ? clmix_model_of(config->model.table)->ports(config->model.keys, length, ports) : 0;
}

int clmix_config_port_count(const clmix_config *config)
{
    clmix_port ports[CLMIX_MOST_PORTS];

    return clmix_config_ports(config, 0, ports);
}

clmix_status clmix_config_port(const clmix_config *config, int index, clmix_port *port)
{
    CLMIX_NEED(config);
    CLMIX_NEED(port);

    clmix_port ports[CLMIX_MOST_PORTS];
    int count = clmix_config_ports(config, 0, ports);

    if (index < 0 || index >= count)
        return clmix_fail(CLMIX_ERROR_ARGUMENT, "port %d of '%s', which has %d", index, config->name, count);
    *port = ports[index];
    return CLMIX_OK;
}

struct clmix_model_answer clmix_config_answers(const clmix_config *config)
{
    return config != NULL ? clmix_model_of(config->model.table)->answer(config->model.keys) : (struct clmix_model_answer){ 0 };
}

clmix_answer clmix_config_answer(const clmix_config *config)
{
    return clmix_config_answers(config).answer;
}

size_t clmix_config_classes(const clmix_config *config)
{
    return clmix_config_answers(config).classes;
}

size_t clmix_config_vocabulary(const clmix_config *config)
{
    return clmix_config_answers(config).vocabulary;
}

size_t clmix_config_ids(const clmix_config *config)
{
    const struct clmix_model_answer answer = clmix_config_answers(config);

    return answer.vocabulary > answer.own_ids ? answer.vocabulary - answer.own_ids : 0;
}

const char *clmix_config_why_fewer_ids(const clmix_config *config)
{
    return clmix_config_answers(config).own_ids > 0 ? ", whose last is the model's own class token" : "";
}

size_t clmix_config_longest(const clmix_config *config)
{
    return clmix_config_answers(config).longest;
}

bool clmix_config_across(const clmix_config *config)
{
    return config != NULL && clmix_model_across(&config->model);
}

bool clmix_config_padding_matters(const clmix_config *config)
{
    clmix_port ports[CLMIX_MOST_PORTS];
    const int count = clmix_config_ports(config, 0, ports);

    return clmix_port_find(ports, (size_t)count, CLMIX_TOKENS) != NULL && clmix_model_padding_matters(&config->model);
}

/* Whether a value is a batch of what a port has. */
static bool fits(clmix_shape shape, const clmix_port *port)
{
    bool same = shape.rank == port->rank + 1;

    for (int axis = 0; same && axis < port->rank; axis++)
        same = shape.size[axis + 1] == port->size[axis];
    return same;
}

/* The inputs' sequences, where the model reads any, are none too long for it; and each is what its port says. */
static clmix_status check_inputs(const clmix_value *inputs, const clmix_config *config)
{
    const clmix_shape first = clmix_shape_of(inputs[0]);
    const size_t length = first.rank == 2 ? first.size[1] : 0, longest = clmix_config_longest(config);
    clmix_port ports[CLMIX_MOST_PORTS];
    const int count = clmix_config_ports(config, length, ports);

    if (longest > 0 && length > longest)
        return clmix_fail(CLMIX_ERROR_ARGUMENT,
                          "'%s' takes sequences of up to %zu tokens, and these have %zu; shorten them, or set max_len", config->name,
                          longest, length);
    for (int i = 0; i < count; i++) {
        char found[64], wanted[CLMIX_PORT_TEXT];

        if (!fits(clmix_shape_of(inputs[i]), &ports[i]))
            return clmix_fail(CLMIX_ERROR_ARGUMENT, "'%s' takes %s of %s in a batch, and %s was given", config->name, ports[i].name,
                              clmix_port_size_text(&ports[i], wanted), clmix_shape_text(clmix_shape_of(inputs[i]), found));
    }
    return CLMIX_OK;
}

clmix_value clmix_config_build(clmix_scope at, const clmix_value *inputs, clmix_value places, const clmix_config *config)
{
    const struct clmix_model_kind *kind;
    clmix_status status = clmix_config_check(config);
    clmix_value x;

    if (status != CLMIX_OK)
        return clmix_poison(at, status, "%s", clmix_error());
    for (int i = 0; i < clmix_config_port_count(config); i++)
        if (!clmix_is_value(inputs[i]))
            return inputs[i];
    status = check_inputs(inputs, config);
    if (status != CLMIX_OK)
        return clmix_poison(at, status, "%s", clmix_error());
    kind = clmix_model_of(config->model.table);
    x = kind->build(at, inputs, config->model.keys);
    if (kind->score == NULL || clmix_config_answer(config) != CLMIX_ANSWER_TOKENS)
        return x;
    return kind->score(at, places.graph != NULL ? clmix_take_tokens(x, places) : x, config->model.keys);
}

clmix_value clmix_model(clmix_scope at, const clmix_value *inputs, const clmix_config *config)
{
    if (inputs == NULL)
        return clmix_poison_null(at, "clmix_model", "inputs");
    return clmix_config_build(at, inputs, clmix_no_value(), config);
}

static clmix_status fill_two(void *values, clmix_shape shape, const void *data)
{
    float *two = values;

    (void)shape, (void)data;
    two[0] = 0.0f;
    two[1] = 1.0f;
    return CLMIX_OK;
}

clmix_value clmix_class_logits(clmix_scope at, clmix_value logit)
{
    return clmix_is_value(logit)
               ? clmix_linear_with(at, logit, clmix_constant(logit.graph, CLMIX_F32, 2, (size_t[]){ 1, 2 }, fill_two, NULL, 0),
                                   clmix_no_value())
               : logit;
}
