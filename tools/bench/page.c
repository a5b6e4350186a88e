#include "bench/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Words are not broken. On a phone a table's rows are cards, and what is marked `wide` is left out; on paper everything is black. */
static const char style[] =
    ":root{--paper:#fff;--ink:#1a1a1a;--faint:#5c5c5c;--line:#d4d4d4;--s0:#0b5fa5;--s1:#b3541e;--s2:#2f7a3d;--s3:#6b4fa0;--s4:#8a6d00;"
    "--s5:#a02c5a;color-scheme:light dark}\n"
    "@media (prefers-color-scheme:dark){:root{--paper:#161616;--ink:#ececec;--faint:#a8a8a8;--line:#444;--s0:#6db3f2;--s1:#f0986a;"
    "--s2:#7fce8e;--s3:#b8a1ee;--s4:#e0c050;--s5:#ef86b0}}\n"
    "@media print{:root{--paper:#fff;--ink:#000;--faint:#333;--line:#999;--s0:#444;--s1:#000;--s2:#000;--s3:#000;--s4:#000;--s5:#000}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:1rem;max-width:64rem;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,"
    "'Segoe UI',Roboto,'DejaVu Sans',Arial,sans-serif}\n"
    "h1{font-size:1.5rem;line-height:1.25;margin-bottom:0}h1+p{margin-top:.25rem}"
    "h2{font-size:1.25rem;margin-top:2.5rem;border-bottom:1px solid var(--line)}h3{font-size:1rem}\n"
    "p{max-width:46rem}\n"
    "table{border-collapse:collapse;width:100%;font-size:.875rem;line-height:1.4;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.25rem .5rem;text-align:right;vertical-align:top;border-bottom:1px solid var(--line)}\n"
    "th{vertical-align:bottom;border-bottom:2px solid var(--ink)}th:first-child,td:first-child,.left{text-align:left}\n"
    "td:not(:first-child):not(.left){white-space:nowrap}td small,td::before{white-space:normal}\n"
    "small,figcaption,.faint{color:var(--faint);font-size:.8125rem}td small{display:block}\n"
    "figure{margin:1rem 0;min-width:0;break-inside:avoid}figcaption{margin-bottom:.25rem;font-weight:bold;color:var(--ink)}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr));gap:0 2rem}"
    ".plots>*{min-width:0}.plots>:has(details[open]){grid-column:1/-1}\n"
    "svg.plot{display:block;width:100%;max-width:34rem;height:auto;font-size:11px}svg "
    "text{fill:var(--ink);stroke:var(--paper);stroke-width:3px;paint-order:stroke}svg .faint{fill:var(--faint);"
    "font-size:10px}\n"
    "svg .grid{stroke:var(--line);fill:none}svg .axis{stroke:var(--ink);fill:none}svg .frame{fill:none;stroke:var(--ink)}\n"
    ".b0{fill:var(--s0)}.b1{fill:url(#p1)}.b2{fill:url(#p2)}.b3{fill:url(#p3)}.b4{fill:url(#p4)}.b5{fill:url(#p5)}\n"
    ".b0,.b1,.b2,.b3,.b4,.b5{stroke:var(--ink);stroke-width:.5}.disc{fill:var(--s0);fill-opacity:.75}.square{fill:none;stroke:var(--s1);"
    "stroke-width:1.2}\n"
    ".legend{list-style:none;padding:0;font-size:.875rem}.legend svg{vertical-align:-.15em;margin-right:.4rem}\n"
    ".warning{border-left:4px solid var(--s1);padding-left:.75rem;font-weight:bold}summary{cursor:pointer;margin:.5rem 0}\n"
    "@media screen and (max-width:52rem){body{padding:.75rem}.wide{display:none}\n"
    "thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}table,tbody{display:block}\n"
    "tr{display:grid;grid-template-columns:1fr 1fr;gap:0 1rem;padding:.5rem 0;border-bottom:1px solid var(--line)}\n"
    "td,td.left{display:flex;justify-content:space-between;gap:.5rem;padding:0;border:0;text-align:right}"
    "td.left{grid-column:1/-1;display:block;text-align:left}td.wide{display:none}\n"
    "td:first-child{grid-column:1/-1;display:block;text-align:left;font-weight:bold}td:empty{display:none}td small{font-weight:normal}\n"
    "td[data-head]:not(.left)::before{content:attr(data-head);color:var(--faint);text-align:left}}\n"
    "@media print{body{max-width:none;padding:0;font-size:10pt}table{font-size:8pt}th,td{padding:.15rem .3rem}"
    "h2{break-after:avoid}h3{break-after:avoid}tr{break-inside:avoid}"
    ".plots{grid-template-columns:1fr 1fr}details{display:none}@page{size:A4;margin:15mm}}\n";

void bench_page_put(struct bench_page *page, const char *format, ...)
{
    char text[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (page->status == CLMIX_OK)
        page->status = clmix_file_put(&page->writer, text, strlen(text));
}

static void put_piece(struct bench_page *page, const char *text, size_t bytes)
{
    if (page->status == CLMIX_OK && bytes > 0)
        page->status = clmix_file_put(&page->writer, text, bytes);
}

void bench_page_text(struct bench_page *page, const char *text)
{
    for (;;) {
        size_t plain = 0;

        while ((unsigned char)text[plain] >= ' ' && strchr("<>&\"'", text[plain]) == NULL)
            plain++;
        put_piece(page, text, plain);
        text += plain;
        if (*text == '\0')
            return;
        switch (*text++) {
        case '<': put_piece(page, "&lt;", 4); break;
        case '>': put_piece(page, "&gt;", 4); break;
        case '&': put_piece(page, "&amp;", 5); break;
        case '"': put_piece(page, "&quot;", 6); break;
        case '\'': put_piece(page, "&#39;", 5); break;
        default: put_piece(page, " ", 1); break; /* a control character */
        }
    }
}

void bench_page_begin(struct bench_page *page, const char *path, const char *title)
{
    memset(page, 0, sizeof *page);
    page->status = clmix_file_begin(&page->writer, path);
    bench_page_put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    bench_page_text(page, title);
    bench_page_put(page, "</title>\n<style>\n");
    put_piece(page, style, strlen(style));
    bench_page_put(page, "</style>\n</head>\n<body>\n");
    bench_plot_patterns(page);
    bench_page_put(page, "<h1>");
    bench_page_text(page, title);
    bench_page_put(page, "</h1>\n");
}

clmix_status bench_page_end(struct bench_page *page)
{
    bench_page_put(page, "</body>\n</html>\n");
    return page->status == CLMIX_OK ? clmix_file_finish(&page->writer) : page->status;
}
