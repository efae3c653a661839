/* Plots are whole files of their kind whatever the numbers, hold the words they were given, and leave nothing behind.
 */
#include "core/file.h"
#include "report/tables.h"
#include "support/alloc_fail.h"
#include "support/test.h"
#include <falsetto/plots.h>

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef fal_status plotter(const char *path, fal_error *err);

enum { LONG = 100000 };

static const fal_roc_point roc[] = {{0, 0, INFINITY}, {0, 0.5, 2}, {0.25, 0.5, 1}, {0.25, 1, 0}, {1, 1, -1}};

static fal_status plot_curves(const char *path, fal_error *err)
{
    static const double x[] = {0, 1, 2, 3}, y[] = {0.5, NAN, INFINITY, 0.25}, flat[] = {7, 7, 7, 7};
    const fal_curve curves[] = {{.name = "holes & <marks>", .x = x, .y = y, .count = 4, .dots = true},
                                {.name = "not UTF-8 \xff", .x = x, .y = flat, .count = 4},
                                {.name = "empty", .count = 0}};
    const fal_curves plot = {
        .title = "Curves", .x = {.label = "epoch"}, .y = {.label = "loss"}, .curves = curves, .count = 3};
    return fal_plot_curves(&plot, path, err);
}

static fal_status plot_nothing(const char *path, fal_error *err)
{
    const fal_curves plot = {.square = true, .legend_at_top = true};
    return fal_plot_curves(&plot, path, err);
}

static fal_status plot_one_value(const char *path, fal_error *err)
{
    static const double x[] = {3}, y[] = {-1e300};
    const fal_curve curve = {.x = x, .y = y, .count = 1};
    const fal_curves plot = {.curves = &curve, .count = 1};
    return fal_plot_curves(&plot, path, err);
}

static fal_status plot_roc(const char *path, fal_error *err)
{
    const fal_named_roc named = {"CLIP (AUC 0.875)", roc, 5};
    return fal_plot_roc("ROC", &named, 1, path, err);
}

static fal_status plot_det(const char *path, fal_error *err)
{
    const fal_named_roc named[] = {{"a", roc, 5}, {"b", roc, 2}};
    return fal_plot_det("DET", named, 2, path, err);
}

static fal_status plot_reliability(const char *path, fal_error *err)
{
    static const fal_reliability_bin bins[] = {{4, 0.1, 0}, {0, 0, 0}, {5, 0.9, 0.8}};
    const fal_named_reliability named = {"a", bins, 3};
    return fal_plot_reliability("Reliability", &named, 1, path, err);
}

static fal_status plot_maps(const char *path, fal_error *err)
{
    static const char *const names[] = {"Wav2Vec XLS-R 2B", "CLIP"};
    static const double improvement[] = {0, -12.5, 3.25, NAN}, same[] = {1, 1, 1, 1};
    const fal_heat_map maps[] = {{"Gain", names, names, 2, 2, improvement, 1, true},
                                 {"Same", names, names, 2, 2, same, 2, false}};
    return fal_plot_heat_maps(maps, 2, path, err);
}

/* A table of two rows whose first two columns are a matrix; the third is beside it. */
static const char *const sheet_header[] = {"", "CLIP", "XLS-R", "alone"};
static const fal_sheet_cell sheet_cells[] = {
    {.text = "CLIP"},  {.own = 0, .paper = 0},    {.own = 12.5, .paper = 8},  {.own = 80, .paper = 81},
    {.text = "XLS-R"}, {.own = -1.5, .paper = 2}, {.own = NAN, .paper = NAN}, {.own = 90, .paper = 91},
};

static fal_sheet matrix_sheet(void)
{
    return (fal_sheet){.id = "f",
                       .title = "Figure",
                       .rows = 2,
                       .columns = 4,
                       .header_rows = 1,
                       .header = sheet_header,
                       .cells = sheet_cells,
                       .decimals = 1,
                       .matrix = {.columns = 2, .title = "Gain", .diverging = true}};
}

static fal_status plot_sheet(const char *path, fal_error *err)
{
    fal_sheet sheet = matrix_sheet();
    sheet.with_paper = true;
    return fal_sheet_draw(&sheet, path, err);
}

static plotter *const all[] = {plot_curves, plot_nothing,     plot_one_value, plot_roc,
                               plot_det,    plot_reliability, plot_maps,      plot_sheet};

static void expect_start(const char *path, const char *magic, size_t length, size_t more_than)
{
    fal_buf bytes = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(path, 0, &bytes, &err), &err);
    assert_true(bytes.length > more_than);
    assert_memory_equal(bytes.data, magic, length);
    fal_buf_free(&bytes);
}

static void expect_alone(const char *name)
{
    DIR *folder = opendir(fal_temp_path("plots"));
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, name))
            fail_msg("%s was left behind", entry->d_name);
    closedir(folder);
}

static void test_all_formats(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        fal_error err = {0};
        fal_check_ok(all[i](fal_temp_path("plots/p.svg"), &err), &err);
        expect_start(fal_temp_path("plots/p.svg"), "<?xml", 5, 500);
        fal_check_ok(all[i](fal_temp_path("plots/p.pdf"), &err), &err);
        expect_start(fal_temp_path("plots/p.pdf"), "%PDF", 4, 500);
        remove(fal_temp_path("plots/p.svg"));
        remove(fal_temp_path("plots/p.pdf"));
        fal_check_ok(all[i](fal_temp_path("plots/p.png"), &err), &err);
        expect_start(fal_temp_path("plots/p.png"), "\x89PNG", 4, 500);
        expect_alone("p.png");
        fal_check_fails(all[i](fal_temp_path("plots/p.gif"), &err), FAL_ERR_ARGUMENT, ".svg, .pdf or .png", &err);
        expect_alone("p.png");
    }
}

/* A curve of many points is as small a file as can be seen. */
static void test_long_curves_are_thinned(void **state)
{
    (void)state;
    double *x = malloc(LONG * sizeof *x);
    fal_buf bytes = {0};
    fal_error err = {0};
    assert_non_null(x);
    for (int i = 0; i < LONG; i++)
        x[i] = i;
    const fal_curve curve = {.x = x, .y = x, .count = LONG};
    const fal_curves plot = {.curves = &curve, .count = 1};
    fal_check_ok(fal_plot_curves(&plot, fal_temp_path("long.svg"), &err), &err);
    fal_check_ok(fal_file_read(fal_temp_path("long.svg"), 0, &bytes, &err), &err);
    assert_in_range(bytes.length, 1000, 300000);
    fal_buf_free(&bytes);
    free(x);
}

static double svg_width(const char *path)
{
    fal_buf bytes = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(path, 0, &bytes, &err), &err);
    const char *at = strstr(bytes.data, "width=\"");
    double width = at ? strtod(at + strlen("width=\""), NULL) : 0;
    fal_buf_free(&bytes);
    return width;
}

static double sheet_width(bool with_paper, const char *title)
{
    fal_error err = {0};
    fal_sheet sheet = matrix_sheet();
    sheet.with_paper = with_paper;
    sheet.matrix.title = title;
    fal_check_ok(fal_sheet_draw(&sheet, fal_temp_path("sheet.svg"), &err), &err);
    return svg_width(fal_temp_path("sheet.svg"));
}

/* The published map stands beside the own one, and no title is cut off. */
static void test_sheet_maps(void **state)
{
    (void)state;
    double own = sheet_width(false, "Gain"), both = sheet_width(true, "Gain");
    double titled = sheet_width(false, "A title that is a good deal longer than two columns are wide");
    printf("one map %.0f points wide, two %.0f, under a long title %.0f\n", own, both, titled);
    assert_in_range(own, 150, 300);
    assert_in_range(both, 1.8 * own, 2.2 * own);
    assert_in_range(titled, 450, 650);
}

static void test_maps_too_large(void **state)
{
    (void)state;
    fal_error err;
    const char *names[1000];
    for (size_t i = 0; i < 1000; i++)
        names[i] = "n";
    const fal_heat_map map = {.row_names = names, .column_names = names, .rows = 1000, .columns = 1000};
    const double value = 0;
    fal_heat_map wide = map;
    wide.rows = 0;
    wide.values = &value;
    fal_check_fails(fal_plot_heat_maps(&wide, 1, fal_temp_path("wide.svg"), &err), FAL_ERR_ARGUMENT, "cannot be drawn",
                    &err);
}

static fal_status detector_plots(void *user, fal_error *err)
{
    (void)user;
    fal_status st = plot_roc(fal_temp_path("failing.svg"), err);
    if (st == FAL_OK)
        st = plot_sheet(fal_temp_path("failing.svg"), err);
    return st == FAL_OK ? plot_reliability(fal_temp_path("failing.svg"), err) : st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    fal_check_alloc_failures("plots", detector_plots, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_formats),         cmocka_unit_test(test_long_curves_are_thinned),
        cmocka_unit_test(test_sheet_maps),          cmocka_unit_test(test_maps_too_large),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
