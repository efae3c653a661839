/* Every fact as a detector of its own. */
#ifndef FAL_AUDIT_SHORTCUTS_H
#define FAL_AUDIT_SHORTCUTS_H

#include "audit/collection.h"

enum { FAL_AUDIT_FACTS = FAL_NUMBER_FACTS + FAL_TEXT_FACTS };

/* labels[file]: 0, 1, or -1 to leave the file out. Names in the result point into the collection. */
fal_status fal_shortcuts_find(const fal_collection *collection, const int *labels,
                              fal_audit_fact facts[FAL_AUDIT_FACTS], fal_error *err);

/* P(chi-square with `freedom` degrees >= x). */
double fal_chi_square_p(double x, double freedom);

#endif
