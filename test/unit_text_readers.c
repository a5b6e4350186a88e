/* lib/data: readers of text, on files that the test writes. */
#include "data/text_reader.h"

#include "base/random.h"
#include "data/trees.h"
#include "support_data.h"
#include "support_suite.h"
#include "support_tool.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[256];

static void make(void)
{
    snprintf(folder, sizeof folder, "%s", make_folder());
}

static void drop(void)
{
    remove_folder(folder);
}

static void put_bytes(const char *name, const char *content, size_t bytes)
{
    write_in(folder, name, content, bytes);
}

static void put(const char *name, const char *content)
{
    put_bytes(name, content, strlen(content));
}

static clmix_text_reader *opened;
static char found[4096];

/* Opens KIND:FOLDER/rest. */
static clmix_status open_in(const char *kind, const char *rest)
{
    char spec[600];

    snprintf(spec, sizeof spec, "%s:%s/%s", kind, folder, rest);
    return clmix_text_reader_open(&opened, spec);
}

static void must_read(const char *kind, const char *rest)
{
    ck_assert_msg(open_in(kind, rest) == CLMIX_OK, "%s", clmix_error());
}

/* The samples of a split: "label:text/text|", and before it "document." where documents are wanted. */
static clmix_status read_split(clmix_split split, bool documents)
{
    clmix_text_sample sample;
    size_t used = 0;
    clmix_status status;
    bool more = true;

    found[0] = '\0';
    ck_assert_msg(clmix_text_reader_begin(opened, split) == CLMIX_OK, "%s", clmix_error());
    while ((status = clmix_text_reader_next(opened, &sample, &more)) == CLMIX_OK && more) {
        if (documents)
            used += (size_t)snprintf(found + used, sizeof found - used, "%zu.%.*s|", sample.document, (int)sample.bytes[0], sample.text[0]);
        else
            used += (size_t)snprintf(found + used, sizeof found - used, "%d:%.*s%s%.*s|", (int)sample.label, (int)sample.bytes[0],
                                     sample.text[0], sample.text[1] == NULL ? "" : "/", (int)sample.bytes[1],
                                     sample.text[1] == NULL ? "" : sample.text[1]);
    }
    return status;
}

static const char *samples_of(clmix_split split)
{
    ck_assert_msg(read_split(split, false) == CLMIX_OK, "%s", clmix_error());
    return found;
}

static void shut(void)
{
    clmix_text_reader_close(opened);
    opened = NULL;
}

/* ---- tables ------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(tables_with_names)
{
    put("train.tsv", "id\tsentence\tlabel\r\n1\tgood \"one\tpos\r\n2\tbad\tneg\r\n3\tso so\tpos");
    put("dev.tsv", "id\tsentence\tlabel\n1\tworse\tneg\n");
    must_read("tsv", "train.tsv,text=sentence");
    ck_assert(opened->texts == 1 && opened->class_count == 2);
    ck_assert_str_eq(opened->classes[0], "neg");
    ck_assert_str_eq(samples_of(CLMIX_TRAIN), "1:good \"one|0:bad|1:so so|");
    ck_assert_uint_eq(opened->skips[CLMIX_TRAIN].read, 3);
    ck_assert_str_eq(samples_of(CLMIX_TEST), "0:worse|");
    ck_assert_str_eq(samples_of(CLMIX_TRAIN), "1:good \"one|0:bad|1:so so|"); /* again */
    shut();
    must_read("tsv", "train.tsv"); /* two columns that are no label */
    ck_assert_int_eq(opened->texts, 2);
    ck_assert_str_eq(samples_of(CLMIX_TEST), "0:1/worse|");
    shut();
    must_read("tsv", "train.tsv,second=1,text=2"); /* by number: the header is still one, since it names a label */
    ck_assert_str_eq(samples_of(CLMIX_TEST), "0:worse/1|");
    shut();
    put("other, file.tsv", "id\tsentence\tlabel\nx\ty\tpos\n");
    {
        char rest[400];

        snprintf(rest, sizeof rest, "train.tsv,text=2,test=%s/other, file.tsv", folder);
        ck_assert_int_eq(open_in("tsv", rest), CLMIX_ERROR_FILE); /* " file.tsv" is no option: all of it is a path */
    }
    put("dev.tsv", "sentence\tlabel\nworse\tneg\n");
    must_read("tsv", "train.tsv");
    expect_error(clmix_text_reader_begin(opened, CLMIX_TEST), CLMIX_ERROR_FORMAT, "does not name the 3 columns");
    shut();
}
END_TEST

START_TEST(tables_without_names)
{
    put("rows.csv", "\"a, \"\"b\"\"\nc\",10\nd,9\n\"e\",10\n");
    must_read("csv", "rows.csv");
    ck_assert_str_eq(samples_of(CLMIX_TRAIN), "1:a, \"b\"\nc|0:d|1:e|"); /* numbers in their order */
    ck_assert_str_eq(samples_of(CLMIX_TEST), "");
    shut();
    put("rows.csv", "a,b,c,d\n");
    expect_error(open_in("csv", "rows.csv"), CLMIX_ERROR_ARGUMENT, "has 4 columns, and it is not clear which are text");
    must_read("csv", "rows.csv,text=2,label=1");
    ck_assert_str_eq(samples_of(CLMIX_TRAIN), "0:b|");
    shut();
    expect_error(open_in("csv", "rows.csv,text=5,label=1"), CLMIX_ERROR_ARGUMENT, "has the columns 1 to 4");
    expect_error(open_in("csv", "rows.csv,text=words"), CLMIX_ERROR_ARGUMENT, "names no such column");
    expect_error(open_in("csv", "rows.csv,second=2"), CLMIX_ERROR_ARGUMENT, "without text=");
    expect_error(open_in("csv", "rows.csv,text=1,text=2"), CLMIX_ERROR_ARGUMENT, "is there twice");
    expect_error(open_in("csv", "rows.csv,text="), CLMIX_ERROR_ARGUMENT, "says nothing");
    put("rows.csv", "");
    expect_error(open_in("csv", "rows.csv"), CLMIX_ERROR_FORMAT, "is empty");
    put("rows.csv", "a,1\n\"b,2\n");
    expect_error(open_in("csv", "rows.csv"), CLMIX_ERROR_FORMAT, "line 2: a quotation mark");
    expect_error(open_in("csv", "none.csv"), CLMIX_ERROR_FILE, "none.csv");
}
END_TEST

START_TEST(every_twentieth_row_is_of_the_test)
{
    char content[1000] = "";
    size_t used = 0;

    for (int i = 1; i <= 41; i++)
        used += (size_t)snprintf(content + used, sizeof content - used, "t%d\t%d\n", i, i == 20 ? 7 : 3);
    put("all.tsv", content);
    must_read("tsv", "all.tsv");
    ck_assert_int_eq(opened->class_count, 2); /* the test's labels count */
    ck_assert_str_eq(samples_of(CLMIX_TEST), "1:t20|0:t40|");
    ck_assert_uint_eq(opened->skips[CLMIX_TEST].read, 41);
    samples_of(CLMIX_TRAIN);
    ck_assert(opened->skips[CLMIX_TRAIN].read == 41 && strstr(found, "t20|") == NULL && strstr(found, "0:t19|0:t21|") != NULL);
    shut();
}
END_TEST

START_TEST(rows_that_are_no_good)
{
    const clmix_skips *skips;

    put("train.tsv", "text\tlabel\na\t1\n\t1\nb\t\nc\t1\td\n\xE4\t1\n\ne\t2\n");
    put("test.tsv", "text\tlabel\nx\t3\ny\t2\n");
    must_read("tsv", "train.tsv");
    ck_assert_str_eq(samples_of(CLMIX_TRAIN), "0:a|1:e|");
    skips = &opened->skips[CLMIX_TRAIN];
    ck_assert(skips->read == 7 && skips->empty == 1 && skips->label == 1 && skips->form == 2 && skips->encoding == 1);
    ck_assert_ptr_nonnull(strstr(skips->first, "train.tsv', line 3: it has no text"));
    ck_assert_str_eq(samples_of(CLMIX_TEST), "1:y|");
    ck_assert_ptr_nonnull(strstr(opened->skips[CLMIX_TEST].first, "line 2: the label '3' is none of the training rows'"));
    shut();
    put("test.tsv", "text\tlabel\nx\t3\n");
    must_read("tsv", "train.tsv");
    expect_error(read_split(CLMIX_TEST, false), CLMIX_ERROR_FORMAT, "nothing of the test split of 'tsv:");
    shut();
    put("train.tsv", "\xE4\tlabel\na\t1\n");
    expect_error(open_in("tsv", "train.tsv"), CLMIX_ERROR_FORMAT, "line 1 is no UTF-8"); /* not that its second row is taken for names */
}
END_TEST

START_TEST(labels_that_are_none)
{
    char *content = malloc(400000);
    size_t used = 0;

    for (int i = 0; i < 10001; i++)
        used += (size_t)snprintf(content + used, 400000 - used, "a\tlabel of %d\n", i);
    put("all.tsv", content);
    expect_error(open_in("tsv", "all.tsv"), CLMIX_ERROR_FORMAT, "more than 10000 different labels in column 2");
    free(content);
}
END_TEST

/* ---- documents ---------------------------------------------------------------------------------------------------------------------------- */

static const char *lines_of(clmix_split split)
{
    ck_assert_msg(read_split(split, true) == CLMIX_OK, "%s", clmix_error());
    return found;
}

START_TEST(documents)
{
    put("texts/b.txt", "\n\nfirst\nsecond\n \r\n\nthird\n\n");
    put("texts/a.TXT", "one\ntwo\xFF\nthree\n\n"); /* no document ends within it */
    put("texts/c.log", "not read");
    put("texts/.hidden.txt", "not read");
    must_read("text", "texts");
    ck_assert_str_eq(lines_of(CLMIX_TRAIN), "0.one|0.three|1.first|1.second|2.third|");
    ck_assert(opened->skips[CLMIX_TRAIN].read == 6 && opened->skips[CLMIX_TRAIN].encoding == 1);
    ck_assert_str_eq(lines_of(CLMIX_TEST), "");
    shut();
    put("texts/train/x.txt", "a\nb\n\nc");
    put("texts/val/x.txt", "d");
    must_read("text", "texts");
    ck_assert_str_eq(lines_of(CLMIX_TRAIN), "0.a|0.b|1.c|");
    ck_assert_str_eq(lines_of(CLMIX_TEST), "0.d|");
    shut();
    must_read("text", "texts/train");
    ck_assert_str_eq(lines_of(CLMIX_TRAIN), "0.a|0.b|1.c|");
    shut();
    expect_error(open_in("text", "."), CLMIX_ERROR_FILE, "holds no file named .txt");
    must_read("text", "none");
    expect_error(clmix_text_reader_begin(opened, CLMIX_TRAIN), CLMIX_ERROR_FILE, "none");
    shut();
}
END_TEST

START_TEST(every_twentieth_document_is_of_the_test)
{
    char content[1000] = "";
    size_t used = 0;

    for (int i = 0; i < 21; i++)
        used += (size_t)snprintf(content + used, sizeof content - used, "a%d\nb%d\n\n", i, i);
    put("all.txt", content);
    must_read("text", "all.txt");
    ck_assert_str_eq(lines_of(CLMIX_TEST), "19.a19|19.b19|");
    lines_of(CLMIX_TRAIN);
    ck_assert(strstr(found, "18.b18|20.a20|20.b20|") != NULL && opened->skips[CLMIX_TRAIN].read == 42);
    shut();
}
END_TEST

START_TEST(every_twentieth_line_of_a_whole_file)
{
    char content[1000] = "";
    size_t used = 0;

    for (int i = 0; i < 41; i++)
        used += (size_t)snprintf(content + used, sizeof content - used, "a%d\n", i);
    put("all.txt", content);
    must_read("text", "all.txt");
    ck_assert_str_eq(lines_of(CLMIX_TEST), "0.a19|0.a39|");
    lines_of(CLMIX_TRAIN);
    ck_assert_ptr_nonnull(strstr(found, "0.a18|0.a20|"));
    shut();
}
END_TEST

/* ---- reviews ------------------------------------------------------------------------------------------------------------------------------ */

START_TEST(reviews)
{
    put("aclImdb/train/pos/1_8.txt", "good<br /><br />film [sic] 3 < 4");
    put("aclImdb/train/pos/0_9.txt", "very good");
    put("aclImdb/train/neg/0_1.txt", "bad");
    put("aclImdb/train/neg/1_1.txt", "\xE4");
    put("aclImdb/train/neg/2_1.txt", " \n");
    put("aclImdb/train/unsup/2_0.txt", "not read");
    must_read("imdb", "aclImdb");
    ck_assert_str_eq(opened->classes[0], "pos");
    ck_assert_str_eq(samples_of(CLMIX_TRAIN), "0:very good|0:good<br /><br />film [sic] 3 < 4|1:bad|");
    ck_assert(opened->skips[CLMIX_TRAIN].read == 5 && opened->skips[CLMIX_TRAIN].encoding == 1 && opened->skips[CLMIX_TRAIN].empty == 1);
    expect_error(clmix_text_reader_begin(opened, CLMIX_TEST), CLMIX_ERROR_ARGUMENT, "has no test split");
    shut();
    must_read("imdb", "aclImdb,tags=drop");
    ck_assert_str_eq(samples_of(CLMIX_TRAIN), "0:very good|0:good  film   3 < 4|1:bad|");
    shut();
    expect_error(open_in("imdb", "aclImdb,tags=no"), CLMIX_ERROR_ARGUMENT, "use tags=drop or tags=keep");
    expect_error(open_in("imdb", "aclImdb/train"), CLMIX_ERROR_FILE, "name the folder aclImdb");
    put("aclImdb/test/pos/0_9.txt", "x");
    expect_error(open_in("imdb", "aclImdb"), CLMIX_ERROR_FILE, "test/neg");
}
END_TEST

/* ---- ListOps ------------------------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *tree;
    int value; /* -1: what is wrong is */
    const char *wrong;
} trees[] = {
    { "( ( ( ( [SM 4 ) 7 ) 2 ) ] )", 3, NULL },
    { "7", 7, NULL },
    { "[MED 1 2 ]", 1, NULL }, /* 1.5, cut */
    { "[MED 9 1 4 ]", 4, NULL },
    { "[MED 0 9 9 6 ]", 7, NULL },
    { "[MAX [MIN 3 4 5 ] [SM 9 9 9 9 ] ]", 6, NULL },
    { "[MIN 9 ]", 9, NULL },
    { "", -1, "not complete" },
    { "[MIN 1 2", -1, "not complete" },
    { "[MIN ]", -1, "no argument" },
    { "1 ]", -1, "closes an operator" },
    { "1 2", -1, "something follows" },
    { "[AVG 1 2 ]", -1, "a token is none" },
    { "10", -1, "a token is none" },
};

START_TEST(values_of_trees)
{
    int value = -1;
    const char *wrong = clmix_tree_value(trees[_i].tree, strlen(trees[_i].tree), &value);

    if (trees[_i].wrong != NULL) {
        ck_assert_ptr_nonnull(wrong);
        ck_assert_msg(strstr(wrong, trees[_i].wrong) != NULL, "%s", wrong);
    } else {
        ck_assert_msg(wrong == NULL, "%s", wrong);
        ck_assert_int_eq(value, trees[_i].value);
    }
}
END_TEST

START_TEST(nested_trees)
{
    char text[129 * 7 + 2];
    int value = 0;

    for (int depth = 128; depth < 130; depth++) {
        for (int i = 0; i < depth; i++)
            memcpy(text + 5 * i, "[MIN ", 5);
        text[5 * depth] = '3';
        for (int i = 0; i < depth; i++)
            memcpy(text + 5 * depth + 1 + 2 * i, " ]", 2);
        ck_assert((clmix_tree_value(text, 7 * (size_t)depth + 1, &value) == NULL) == (depth == 128));
    }
}
END_TEST

START_TEST(files_of_trees)
{
    const clmix_skips *skips;

    put("basic_train.tsv", "Source\tTarget\r\n( ( ( [MIN 4 ) 7 ) ] )\t4\r\n( [MIN 4\t4\r\n( ( ( [MAX 4 ) 7 ) ] )\t4\r\n5\t5\r\n5\r\n");
    put("basic_val.tsv", "Source\tTarget\r\n5\t5\r\n");
    must_read("listops", "");
    ck_assert_str_eq(opened->tokenizer, "listops");
    ck_assert_str_eq(samples_of(CLMIX_TRAIN), "4:( ( ( [MIN 4 ) 7 ) ] )|5:5|");
    skips = &opened->skips[CLMIX_TRAIN];
    ck_assert(skips->read == 5 && skips->form == 2 && skips->label == 1);
    ck_assert_ptr_nonnull(strstr(skips->first, "line 3: the tree is not complete"));
    ck_assert_str_eq(samples_of(CLMIX_TEST), "5:5|");
    shut();
    put("basic_test.tsv", "5\t5\n");
    must_read("listops", "basic_train.tsv");
    expect_error(clmix_text_reader_begin(opened, CLMIX_TEST), CLMIX_ERROR_FORMAT, "its first row is not Source, tab, Target");
    shut();
    expect_error(open_in("listops", "none"), CLMIX_ERROR_FILE, "none");
}
END_TEST

/* A zero byte is no blank: such a row is passed over, and the others are taken. */
START_TEST(trees_with_zero_bytes)
{
    static const char content[] = "Source\tTarget\n5\0\t5\n6\t6\n";

    put_bytes("basic_train.tsv", content, sizeof content - 1);
    put("basic_test.tsv", "Source\tTarget\n5\t5\n");
    must_read("listops", "");
    ck_assert_str_eq(samples_of(CLMIX_TRAIN), "6:6|");
    ck_assert_uint_eq(opened->skips[CLMIX_TRAIN].form, 1);
    shut();
}
END_TEST

/* What is drawn is part of the file-free contract: the same on every host and in every version. */
#define DRAWN_HASH 15297108109570178977u

START_TEST(drawn_trees)
{
    size_t labels[10] = { 0 }, tokens = 0, samples = 0, single = 0, kept = 0, long_ones = 0;
    const struct clmix_tree_options any = { .seed = 1, .shortest = 0, .longest = 2000, .depth = 10, .arguments = 10 };
    uint64_t hash = HASH_START;
    char text[2000 * CLMIX_TREE_TOKEN + 1];
    clmix_text_sample sample;
    int value = 0;
    bool more;

    ck_assert_int_eq(clmix_text_reader_open(&opened, "listops:train=900,test=100,seed=3"), CLMIX_OK);
    for (int split = 0; split < 2; split++) {
        ck_assert_int_eq(clmix_text_reader_begin(opened, (clmix_split)split), CLMIX_OK);
        while (clmix_text_reader_next(opened, &sample, &more) == CLMIX_OK && more) {
            size_t length = 0;

            ck_assert_ptr_null(clmix_tree_value(sample.text[0], sample.bytes[0], &value));
            ck_assert_int_eq(value, sample.label);
            for (const char *at = sample.text[0]; *at != '\0'; at += strcspn(at, " "), at += strspn(at, " "))
                length++;
            ck_assert(length > 500 && length < 2000);
            tokens += length;
            labels[value]++;
            samples++;
            hash = hash_more(hash, sample.text[0], sample.bytes[0]);
        }
    }
    ck_assert_uint_eq(samples, 1000);
    ck_assert(labels[0] > 120 && labels[0] < 210 && labels[9] > 130 && labels[9] < 240 && labels[7] > 35 && labels[7] < 105);
    ck_assert(tokens > 980 * 1000 && tokens < 1080 * 1000); /* about 1030 */
    ck_assert_uint_eq(hash, DRAWN_HASH);
    shut();
    for (uint64_t i = 0; i < 20000; i++) {
        const size_t length = clmix_tree_draw(&any, i, text, &value);

        single += length == 1;
        kept += length > 500;
        long_ones += length == 0; /* 2000 and more */
    }
    ck_assert(single > 14800 && single < 15160);   /* 74.9 % */
    ck_assert(kept > 1500 && kept < 1820);         /* 8.3 % */
    ck_assert(long_ones > 160 && long_ones < 330); /* 1.2 %, with those of 2000 */
}
END_TEST

START_TEST(trees_that_run_out)
{
    ck_assert_int_eq(clmix_text_reader_open(&opened, "listops:min=0,max=2,train=8,test=2"), CLMIX_OK); /* the ten digits */
    ck_assert_int_eq((int)strlen(samples_of(CLMIX_TRAIN)) + (int)strlen(samples_of(CLMIX_TEST)), 40);
    shut();
    expect_error(clmix_text_reader_open(&opened, "listops:min=0,max=2,train=10,test=1"), CLMIX_ERROR_ARGUMENT,
                 "11 different trees with more than 0 and less than 2 tokens are asked for, and after 10 no more are drawn");
    expect_error(clmix_text_reader_open(&opened, "listops:trains=3"), CLMIX_ERROR_ARGUMENT,
                 "'trains=3' is no option of the data set listops");
    expect_error(clmix_text_reader_open(&opened, "listops:args=1"), CLMIX_ERROR_ARGUMENT, "from 2 to 64");
    ck_assert_ptr_null(opened);
}
END_TEST

/* ---- pairs -------------------------------------------------------------------------------------------------------------------------------- */

START_TEST(pairs_of_papers)
{
    put("pairs.train.tsv", "1.0\tA\tB\tfirst text\tsecond\n0.0\tA\tC\tfirst text\t\n2\tA\tC\tx\ty\n0\tA\tD\tx\n0\tA\tE\tp\tq\n");
    put("pairs.eval.tsv", "1\tA\tB\te\tf\n");
    must_read("retrieval", "pairs.train.tsv");
    ck_assert_int_eq(opened->texts, 2);
    ck_assert_str_eq(samples_of(CLMIX_TRAIN), "1:first text/second|0:p/q|");
    ck_assert(opened->skips[CLMIX_TRAIN].empty == 1 && opened->skips[CLMIX_TRAIN].label == 1 && opened->skips[CLMIX_TRAIN].form == 1);
    ck_assert_str_eq(samples_of(CLMIX_TEST), "1:e/f|");
    shut();
    put("pairs.test.tsv", "0\tA\tB\tg\th\n");
    must_read("retrieval", "pairs.train.tsv");
    ck_assert_str_eq(samples_of(CLMIX_TEST), "0:g/h|");
    shut();
}
END_TEST

START_TEST(specs)
{
    expect_error(clmix_text_reader_open(&opened, "imbd:x"), CLMIX_ERROR_ARGUMENT,
                 "use text:FILE-or-DIR, tsv:FILE, csv:FILE, imdb:DIR, listops or retrieval:FILE; did you mean 'imdb'?");
    expect_error(clmix_text_reader_open(&opened, "tsv"), CLMIX_ERROR_ARGUMENT, "write tsv:FILE");
    ck_assert_ptr_null(opened);
    clmix_text_reader_close(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text readers");
    TCase *tests = tcase_create("text readers");

    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, make, drop);
    tcase_add_test(tests, tables_with_names);
    tcase_add_test(tests, tables_without_names);
    tcase_add_test(tests, every_twentieth_row_is_of_the_test);
    tcase_add_test(tests, rows_that_are_no_good);
    tcase_add_test(tests, labels_that_are_none);
    tcase_add_test(tests, documents);
    tcase_add_test(tests, every_twentieth_document_is_of_the_test);
    tcase_add_test(tests, every_twentieth_line_of_a_whole_file);
    tcase_add_test(tests, reviews);
    tcase_add_loop_test(tests, values_of_trees, 0, sizeof trees / sizeof *trees);
    tcase_add_test(tests, nested_trees);
    tcase_add_test(tests, files_of_trees);
    tcase_add_test(tests, trees_with_zero_bytes);
    tcase_add_test(tests, drawn_trees);
    tcase_add_test(tests, trees_that_run_out);
    tcase_add_test(tests, pairs_of_papers);
    tcase_add_test(tests, specs);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
