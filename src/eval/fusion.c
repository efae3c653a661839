#include <falsetto/compare.h>

#include <math.h>

void fal_fuse(const double *const *scores, size_t models, size_t count, fal_fusion fusion, double *out)
{
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (size_t k = 0; k < models; k++)
            sum += fusion == FAL_FUSE_PROBABILITIES ? fal_probability(scores[k][i]) : scores[k][i];
        out[i] = sum / (double)models;
    }
}

void fal_fuse_to_scores(const double *const *scores, size_t models, size_t count, fal_fusion fusion, double *out)
{
    fal_fuse(scores, models, count, fusion, out);
    for (size_t i = 0; fusion == FAL_FUSE_PROBABILITIES && i < count; i++)
        out[i] = (log(out[i]) - log1p(-out[i])) / 2;
}

double fal_relative_improvement(double alone, double fused)
{
    return 100 * (fused - alone) / alone;
}
