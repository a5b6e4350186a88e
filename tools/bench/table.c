/* The report's tables. On a phone every row is a card: its first cell is the title, and the others have their column's head before them. */
#include "bench/page.h"

#include <math.h>
#include <stdio.h>

static void put_class(struct bench_page *page, const struct bench_column *column)
{
    if (column->class != NULL)
        bench_page_put(page, " class=\"%s\"", column->class);
}

void bench_table_begin(struct bench_page *page, const struct bench_column *columns, size_t count)
{
    page->columns = columns;
    page->column_count = count;
    bench_page_put(page, "<table>\n<thead><tr>");
    for (size_t i = 0; i < count; i++) {
        if (columns[i].head == NULL)
            continue;
        bench_page_put(page, "<th scope=\"col\"");
        put_class(page, &columns[i]);
        bench_page_put(page, ">");
        bench_page_text(page, columns[i].head);
        bench_page_put(page, "</th>");
    }
    bench_page_put(page, "</tr></thead>\n<tbody>\n");
}

void bench_table_row(struct bench_page *page)
{
    bench_page_put(page, "<tr>");
    page->column = 0;
}

void bench_table_row_end(struct bench_page *page)
{
    bench_page_put(page, "</tr>\n");
}

void bench_table_end(struct bench_page *page)
{
    bench_page_put(page, "</tbody></table>\n");
}

void bench_table_cell(struct bench_page *page, const char *text, const char *note)
{
    const struct bench_column *column = &page->columns[page->column++];

    if (column->head == NULL)
        return;
    bench_page_put(page, "<td");
    put_class(page, column);
    if (column != page->columns) {
        bench_page_put(page, " data-head=\"");
        bench_page_text(page, column->head);
        bench_page_put(page, "\"");
    }
    bench_page_put(page, ">");
    if (note != NULL && note[0] != '\0') { /* one thing beside the head on a phone */
        bench_page_put(page, "<span>");
        bench_page_text(page, text);
        bench_page_put(page, "<small>");
        bench_page_text(page, note);
        bench_page_put(page, "</small></span>");
    } else {
        bench_page_text(page, text);
    }
    bench_page_put(page, "</td>");
}

void bench_table_number(struct bench_page *page, double value, const char *format)
{
    char text[64];

    snprintf(text, sizeof text, format, value); /* NOLINT: the formats are this program's */
    bench_table_cell(page, isfinite(value) ? text : "", NULL);
}

void bench_table_share(struct bench_page *page, double share, const char *remark)
{
    char text[64];

    snprintf(text, sizeof text, "%.0f %%", 100.0 * share);
    bench_table_cell(page, isfinite(share) ? text : "", isfinite(share) ? remark : NULL);
}
