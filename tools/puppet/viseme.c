#include "puppet/viseme.h"

#include <math.h>
#include <string.h>

typedef struct viseme {
    const char *phone;  /* espeak mnemonic; the longest one that starts the event's name counts */
    pup_mouth from, to; /* glides from one to the other; most stay */
    double dominance;
} viseme;

/* clang-format off */
/* Columns: open, width, round, teeth, tuck, tongue. */
#define REST {0.02, 0, 0, 0, 0, 0}
#define AH {0.78, 0.15, 0, 0.35, 0, 0.2}
#define AR {0.95, 0, 0.1, 0.2, 0, 0.1}
#define EH {0.55, 0.35, 0, 0.4, 0, 0.2}
#define IH {0.34, 0.45, 0, 0.5, 0, 0.2}
#define EE {0.24, 0.7, 0, 0.6, 0, 0.2}
#define OR {0.68, -0.3, 0.6, 0.1, 0, 0}
#define OH {0.5, -0.4, 0.75, 0, 0, 0}
#define OO {0.24, -0.5, 1, 0, 0, 0}
#define UH {0.6, 0.05, 0.05, 0.3, 0, 0.2}
#define SCHWA {0.38, 0, 0.1, 0.3, 0, 0.2}
#define ER {0.4, -0.1, 0.4, 0.2, 0, 0.3}
#define SHUT {0, 0, 0, 0, 0, 0}
#define LIP_TEETH {0.1, 0.1, 0, 0.9, 1, 0}
#define TH {0.22, 0.1, 0, 0.6, 0, 1}
#define TIP {0.26, 0.15, 0, 0.5, 0, 0.7}
#define HISS {0.13, 0.35, 0, 1, 0, 0}
#define HUSH {0.18, -0.25, 0.6, 0.8, 0, 0}
#define BACK {0.36, 0, 0, 0.25, 0, 0}
#define RR {0.28, -0.2, 0.5, 0.2, 0, 0.3}
#define SAME(pose) pose, pose

static const viseme visemes[] = {
    {"_", SAME(REST), 0.6},     {"a", SAME(AH), 1},         {"aI", AH, IH, 1},        {"aU", AH, OO, 1},
    {"aa", SAME(AH), 1},        {"A", SAME(AR), 1.1},       {"E", SAME(EH), 1},       {"e", SAME(EH), 1},
    {"eI", EH, EE, 1},          {"e@", EH, SCHWA, 1},       {"I", SAME(IH), 0.8},     {"i", SAME(EE), 0.9},
    {"i@", EE, SCHWA, 1},       {"O", SAME(OR), 1.1},       {"OI", OR, IH, 1.1},      {"o@", SAME(OR), 1.1},
    {"0", SAME(OR), 1},         {"o", SAME(OH), 1.1},       {"oU", OH, OO, 1.2},      {"U", SAME(OO), 1},
    {"u", SAME(OO), 1.2},       {"V", SAME(UH), 1},         {"@", SAME(SCHWA), 0.5},  {"3", SAME(ER), 0.9},
    {"p", SAME(SHUT), 6},       {"b", SAME(SHUT), 6},       {"m", SAME(SHUT), 6},     {"f", SAME(LIP_TEETH), 4},
    {"v", SAME(LIP_TEETH), 4},  {"T", SAME(TH), 1.4},       {"D", SAME(TH), 1.2},     {"t", SAME(TIP), 0.7},
    {"d", SAME(TIP), 0.7},      {"n", SAME(TIP), 0.7},      {"l", SAME(TIP), 0.8},    {"L", SAME(TIP), 0.8},
    {"s", SAME(HISS), 1.6},     {"z", SAME(HISS), 1.6},     {"S", SAME(HUSH), 1.8},   {"Z", SAME(HUSH), 1.8},
    {"tS", SAME(HUSH), 1.8},    {"dZ", SAME(HUSH), 1.8},    {"k", SAME(BACK), 0.4},   {"g", SAME(BACK), 0.4},
    {"N", SAME(BACK), 0.4},     {"h", SAME(BACK), 0.2},     {"?", SAME(BACK), 0.2},   {"x", SAME(BACK), 0.4},
    {"r", SAME(RR), 1},         {"*", SAME(TIP), 0.6},      {"w", SAME(OO), 2.5},     {"j", SAME(EE), 0.9},
};
/* clang-format on */

static const viseme *viseme_for(const pup_phone *phone)
{
    static const viseme unknown = {"", SAME(SCHWA), 0.5};
    const viseme *best = pup_phone_is_pause(phone) ? &visemes[0] : &unknown;
    for (size_t i = 0; i < sizeof visemes / sizeof *visemes; i++) {
        size_t length = strlen(visemes[i].phone);
        if (length > strlen(best->phone) && strncmp(visemes[i].phone, phone->name, length) == 0)
            best = &visemes[i];
    }
    return best;
}

static void add_scaled(pup_mouth *sum, const pup_mouth *pose, double weight)
{
    sum->open += weight * pose->open;
    sum->width += weight * pose->width;
    sum->round += weight * pose->round;
    sum->teeth += weight * pose->teeth;
    sum->tuck += weight * pose->tuck;
    sum->tongue += weight * pose->tongue;
}

pup_mouth pup_mouth_at(const pup_phones *phones, double end_s, double time_s)
{
    const double fall_s = 0.030; /* the pull of a neighbour drops to 1/e in this time */
    pup_mouth sum = {0}, out = {0};
    double total = 0;
    for (size_t i = 0; i < phones->count; i++) {
        double start = phones->items[i].start_s;
        double stop = i + 1 < phones->count ? phones->items[i + 1].start_s : end_s;
        double away = fmax(fmax(start - time_s, time_s - stop), 0);
        if (away > 8 * fall_s || stop <= start)
            continue;
        const viseme *v = viseme_for(&phones->items[i]);
        double weight = v->dominance * exp(-away / fall_s);
        double glide = fmin(fmax((time_s - start) / (stop - start), 0), 1);
        add_scaled(&sum, &v->from, weight * (1 - glide));
        add_scaled(&sum, &v->to, weight * glide);
        total += weight;
    }
    if (total > 0)
        add_scaled(&out, &sum, 1 / total);
    return out;
}
