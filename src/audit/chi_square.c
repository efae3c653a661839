/* The upper tail of the chi-square distribution: Q(freedom / 2, x / 2), the regularised incomplete gamma function, by
 * its series below a + 1 and by Lentz's continued fraction above (Abramowitz and Stegun 6.5.29 and 6.5.31). */
#include "audit/shortcuts.h"

#include <math.h>

static const double PRECISION = 1e-14;
enum { MOST_STEPS = 100000 };

static double lower_by_series(double a, double x)
{
    double term = 1 / a, sum = term;
    for (int n = 1; n < MOST_STEPS && term > sum * PRECISION; n++) {
        term *= x / (a + n);
        sum += term;
    }
    return sum * exp(a * log(x) - x - lgamma(a));
}

static double upper_by_fraction(double a, double x)
{
    double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
    for (int n = 1; n < MOST_STEPS; n++) {
        double numerator = -n * (n - a);
        b += 2;
        d = 1 / (numerator * d + b);
        c = b + numerator / c;
        h *= c * d;
        if (fabs(c * d - 1) < PRECISION)
            break;
    }
    return h * exp(a * log(x) - x - lgamma(a));
}

double fal_chi_square_p(double x, double freedom)
{
    double a = freedom / 2;
    if (!(x > 0) || !(a > 0))
        return 1;
    x /= 2;
    return x < a + 1 ? fmax(0, 1 - lower_by_series(a, x)) : fmin(1, upper_by_fraction(a, x));
}
