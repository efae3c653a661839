/* One small sheet in every format, to the letter; the published numbers that are built in. */
#include "support/test.h"

#include "report/tables.h"
#include "study/paper.h"

#include <math.h>

static const char *const header[] = {"", "A", "B", "model", "x_1", "y"};
static const fal_sheet_cell cells[] = {
    {.text = "one & only"},
    {.own = 97.5, .spread = NAN, .paper = 99.8},
    {.own = NAN, .spread = NAN, .paper = 50, .why = "set <B>: not here", .grey = true},
    {.text = "two"},
    {.own = 50.04, .spread = 0.26, .paper = NAN},
    {.own = NAN, .spread = NAN, .paper = NAN},
};
static const fal_sheet sheet = {.id = "t",
                                .title = "Title",
                                .note = "A note.",
                                .rows = 2,
                                .columns = 3,
                                .header_rows = 2,
                                .header = header,
                                .cells = cells,
                                .with_paper = true,
                                .decimals = 1};

static const char *const wanted[FAL_SHEET_FORMATS] = {
    [FAL_SHEET_TEXT] = "Title\n\n"
                       "                      A           B\n"
                       "model               x_1           y\n"
                       "-----------------------------------\n"
                       "one & only  97.5 (99.8)  [1] (50.0)\n"
                       "two            50.0±0.3           -\n\n"
                       "Own numbers, the paper's in brackets.\nA note.\n[1] set <B>: not here\n",
    [FAL_SHEET_CSV] = "model,A x_1,A x_1 spread,A x_1 paper,A x_1 reason,B y,B y spread,B y paper,B y reason\r\n"
                      "one & only,97.5,,99.8,,,,50,set <B>: not here\r\n"
                      "two,50.04,0.26,,,,,,\r\n",
    [FAL_SHEET_MARKDOWN] = "### Title\n\n"
                           "| model | A x\\_1 | B y |\n"
                           "|---|--:|--:|\n"
                           "| one & only | 97.5 (99.8) | [1] (50.0) |\n"
                           "| two | 50.0±0.3 | - |\n\n"
                           "Own numbers, the paper's in brackets.\nA note.\n"
                           "- [1] set &lt;B>: not here\n",
    [FAL_SHEET_LATEX] =
        "% needs booktabs and xcolor\n\\begin{table}\n\\centering\n\\begin{tabular}{lrr}\n\\toprule\n"
        " & A & B \\\\\nmodel & x\\_1 & y \\\\\n\\midrule\n"
        "one \\& only & 97.5 (99.8) & \\textcolor{gray}{[1] (50.0)} \\\\\n"
        "two & 50.0±0.3 & - \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\caption{Title. Own numbers, the paper's in brackets. A note.}\n"
        "[1] set <B>: not here\\\\\n\\end{table}\n",
    [FAL_SHEET_HTML] =
        "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>Title</title>\n<table>\n<caption>Title</caption>\n<thead>\n"
        "<tr><th></th><th>A</th><th>B</th></tr>\n<tr><th>model</th><th>x_1</th><th>y</th></tr>\n</thead>\n<tbody>\n"
        "<tr><td>one &amp; only</td><td align=\"right\">97.5 (99.8)</td>"
        "<td align=\"right\" style=\"color:#888\">[1] (50.0)</td></tr>\n"
        "<tr><td>two</td><td align=\"right\">50.0±0.3</td><td align=\"right\">-</td></tr>\n"
        "</tbody>\n</table>\n<p>Own numbers, the paper's in brackets. A note.</p>\n"
        "<ol>\n<li>set &lt;B&gt;: not here</li>\n</ol>\n",
};

static void test_formats(void **state)
{
    (void)state;
    for (int f = 0; f < FAL_SHEET_FORMATS; f++) {
        fal_buf text = {0};
        fal_sheet_write(&sheet, (fal_sheet_format)f, &text);
        assert_false(text.failed);
        assert_string_equal(text.data, wanted[f]);
        fal_buf_free(&text);
    }
}

static void test_published(void **state)
{
    (void)state;
    fal_error err;
    fal_json *paper = NULL;
    fal_check_ok(fal_paper_open(&paper, &err), &err);
    const fal_json *two = fal_json_get(paper, "table_2"), *three = fal_json_get(paper, "table_3");
    const fal_json *four = fal_json_get(paper, "table_4"), *five = fal_json_get(paper, "figure_5");
    const double got[] = {
        fal_paper_probe(two, "BRAVEn (V)", "AV1M", "DFE").value,
        fal_paper_probe_mean(two, "AV-HuBERT"),
        fal_paper_method(three, "AVFF", "AVLips"),
        fal_paper_method_average(three, "AuViRe", "Last3"),
        fal_paper_anomaly(four, "AV-HuBERT (A + V)", "FAVC", "sync"),
        fal_paper_correlation(five, "CLIP", "Video-MAE"),
        fal_paper_improvement(five, "Video-MAE", "CLIP"),
        fal_paper_single(five, "AV-HuBERT (V)"),
    };
    const double want[] = {76.0, 78.2, 53.9, 74.7, 96.3, 33.5, 31.9, 95.5};
    fal_check_close_f64("published numbers", got, want, sizeof got / sizeof *got, 0, 0);
    assert_true(fal_paper_probe(two, "Wav2Vec2", "FAVC", "AVLips").grey);
    assert_false(fal_paper_probe(two, "Wav2Vec2", "AV1M", "FAVC").grey);
    assert_string_equal(fal_paper_probe_letter(two, "AV1M", "FAVC"), "B");
    assert_true(isnan(fal_paper_probe(two, "nobody", "FAVC", "FAVC").value));
    assert_true(isnan(fal_paper_anomaly(four, "CLIP", "FAVC", "sync")));
    assert_true(isnan(fal_paper_method(NULL, "AVFF", "AVLips")));
    fal_json_free(&paper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_formats), cmocka_unit_test(test_published)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
