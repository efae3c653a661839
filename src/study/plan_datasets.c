#include "study/plan_datasets.h"

#include "core/str.h"

#include <stdio.h>
#include <string.h>

const char *const fal_split_names[FAL_SPLITS] = {"train", "val", "test"};

/* The words become arguments of a program, so only what they can mean is let through. */
static fal_status check_words(const fal_place_in_plan *at, const char *text, fal_error *err)
{
    static const char fit[] = "abcdefghijklmnopqrstuvwxyz0123456789_,:.";
    if (text && strspn(text, fit) != strlen(text))
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %s: \"%s\" is nothing the puppet program knows", at->origin, at->name,
                        text);
    return FAL_OK;
}

static fal_status read_puppets(const fal_place_in_plan *at, fal_study_puppets *p, fal_error *err)
{
    static const char *const names[] = {"clips",           "seed",   "seconds", "fake_fraction", "methods",
                                        "leading_silence", "splits", NULL};
    fal_status st = FAL_OK;
    FAL_TRY(fal_plan_known(at, names, err));
    p->seed = 1;
    FAL_TRY(fal_plan_int(at, "clips", 1, 1000000, &p->clips, err));
    FAL_TRY(fal_plan_int(at, "seed", 0, INT64_MAX - 1, &p->seed, err));
    FAL_TRY(fal_plan_real(at, "seconds", 1, 120, &p->seconds, err));
    FAL_TRY(fal_plan_real(at, "fake_fraction", 0, 1, &p->fake_fraction, err));
    FAL_TRY(fal_plan_text(at, "methods", &p->methods, err));
    FAL_TRY(fal_plan_text(at, "leading_silence", &p->leading_silence, err));
    FAL_TRY(fal_plan_text(at, "splits", &p->splits, err));
    FAL_TRY(check_words(at, p->methods, err));
    FAL_TRY(check_words(at, p->leading_silence, err));
    FAL_TRY(check_words(at, p->splits, err));
done:
    return st;
}

/* Whether "train:0.5,val:0.5" names a split; left out, the puppet program makes all three. */
static bool names_split(const char *splits, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = splits; at && *at; at += strcspn(at, ","), at += *at == ',')
        if (!strncmp(at, name, length) && at[length] == ':')
            return true;
    return !splits;
}

/* Drawn clips lie in <out>/data/<id>, with the lists that the puppet program writes. */
static fal_status place_drawn(const fal_place_in_plan *at, const fal_study_folders *folders, fal_study_dataset *d,
                              fal_error *err)
{
    static const char *const lists[FAL_SPLITS] = {"train_labels.csv", "val_labels.csv", "test_labels.csv"};
    fal_status st = FAL_OK;
    const char *data = NULL;
    FAL_TRY(fal_plan_join(at->arena, folders->out, "data", &data, err));
    FAL_TRY(fal_plan_join(at->arena, data, d->id, &d->root, err));
    for (int i = 0; i < FAL_SPLITS; i++)
        if (names_split(d->puppets.splits, fal_split_names[i]))
            FAL_TRY(fal_plan_join(at->arena, d->root, lists[i], &d->lists[i], err));
done:
    return st;
}

static fal_status place_given(const fal_place_in_plan *at, const fal_study_folders *folders, fal_study_dataset *d,
                              fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(fal_plan_need_text(at, "root", &d->root, err));
    FAL_TRY(fal_plan_join(at->arena, folders->data, d->root, &d->root, err));
    for (int i = 0; i < FAL_SPLITS; i++) {
        FAL_TRY(fal_plan_text(at, fal_split_names[i], &d->lists[i], err));
        if (d->lists[i])
            FAL_TRY(fal_plan_join(at->arena, folders->data, d->lists[i], &d->lists[i], err));
    }
done:
    return st;
}

/* "like": the clips and lists of a dataset told before, read in another way. */
static fal_status take_like(const fal_place_in_plan *at, const fal_study_plan *plan, const char *like,
                            fal_study_dataset *d, fal_error *err)
{
    size_t index;
    const char *id = d->id;
    fal_status st = fal_study_find_dataset(plan, at, like, &index, err);
    if (st == FAL_OK) {
        *d = plan->datasets[index];
        d->title = d->id = id;
    }
    return st;
}

static fal_status read_dataset(const fal_place_in_plan *at, const fal_study_folders *folders,
                               const fal_study_plan *plan, fal_study_dataset *d, fal_error *err)
{
    static const char *const names[] = {"title",   "root", "train",        "val",     "test",
                                        "puppets", "like", "trim_silence", "comment", NULL};
    fal_status st = FAL_OK;
    const char *like = NULL;
    fal_place_in_plan puppets = {fal_json_get(at->object, "puppets"), at->origin, at->name, at->arena};
    FAL_TRY(fal_plan_check_id(at, d->id, err));
    FAL_TRY(fal_plan_known(at, names, err));
    d->title = d->id;
    FAL_TRY(fal_plan_text(at, "like", &like, err));
    if (like) {
        FAL_TRY(take_like(at, plan, like, d, err));
    } else if (puppets.object) {
        d->drawn = true;
        FAL_TRY(read_puppets(&puppets, &d->puppets, err));
        FAL_TRY(place_drawn(at, folders, d, err));
    } else {
        FAL_TRY(place_given(at, folders, d, err));
    }
    FAL_TRY(fal_plan_text(at, "title", &d->title, err));
    FAL_TRY(fal_plan_bool(at, "trim_silence", &d->trim_silence, err));
done:
    return st;
}

fal_status fal_study_read_datasets(const fal_place_in_plan *top, const fal_study_folders *folders, fal_study_plan *plan,
                                   fal_error *err)
{
    fal_status st = FAL_OK;
    void *iter = NULL;
    fal_place_in_plan at = *top;
    const fal_json *list = fal_json_get(top->object, "datasets");
    FAL_ALLOC(plan->datasets, fal_arena_alloc(plan->arena, fal_json_count(list) + 1, sizeof *plan->datasets));
    while (fal_json_next(list, &iter, &at.name, &at.object)) {
        fal_study_dataset *d = &plan->datasets[plan->dataset_count];
        *d = (fal_study_dataset){0};
        FAL_ALLOC(d->id, fal_arena_strdup(plan->arena, at.name));
        FAL_TRY(read_dataset(&at, folders, plan, d, err));
        plan->dataset_count++;
    }
    if (!plan->dataset_count)
        FAL_FAIL(FAL_ERR_FORMAT, "%s names no datasets", top->origin);
done:
    return st;
}

fal_status fal_study_find_dataset(const fal_study_plan *plan, const fal_place_in_plan *at, const char *id, size_t *out,
                                  fal_error *err)
{
    for (size_t i = 0; id && i < plan->dataset_count; i++)
        if (!strcmp(plan->datasets[i].id, id)) {
            *out = i;
            return FAL_OK;
        }
    return fal_fail(err, FAL_ERR_FORMAT, "%s: %s: there is no dataset \"%s\"", at->origin, at->name, id ? id : "");
}
