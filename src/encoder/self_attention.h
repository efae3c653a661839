/* Multi-head self-attention with the ways of the encoders to know positions.
 *
 *   q, k, v = Linear(x), heads are consecutive slices of D/heads channels, softmax over the rows of one sequence
 *   none      score_ij = q_i.k_j / sqrt(d)
 *             (Vaswani et al. 2017)
 *   bucketed  score_ij += gate_i * table[bucket(j - i)], the gate from the input of the layer
 *             (WavLM, Chen et al. 2022)
 *   relative  score_ij = ((q_i + u).k_j + (q_i + v).(W_pos p_{i-j})) / sqrt(d)
 *             (Transformer-XL, Dai et al. 2019, as in ESPnet's "latest" variant; BRAVEn and Auto-AVSR) */
#ifndef FAL_ENCODER_SELF_ATTENTION_H
#define FAL_ENCODER_SELF_ATTENTION_H

#include "encoder/build.h"
#include "encoder/forward.h"

/* What a file holds. Members are fal_tensor only; without data: not there. */
typedef struct fal_attention_weights {
    fal_tensor qkv_w, qkv_b;                 /* [3D,D], [3D]: q, k and v in one; then the next six are absent */
    fal_tensor q_w, q_b, k_w, k_b, v_w, v_b; /* [D,D], [D]; an absent bias is zero */
    fal_tensor out_w, out_b;                 /* [D,D], [D] */
    fal_tensor scale;                        /* [D] layer scale: multiplies what the attention gives, bias included */
    fal_tensor gate_w, gate_b, gate_const;   /* [8,d], [8], [heads] in any shape: bucketed */
    fal_tensor pos_w, pos_u, pos_v;          /* [D,D], [heads,d], [heads,d]: relative */
} fal_attention_weights;

typedef enum fal_positions { FAL_POSITIONS_NONE, FAL_POSITIONS_BUCKETED, FAL_POSITIONS_RELATIVE } fal_positions;

typedef struct fal_self_attention_params {
    int64_t width, heads;
    fal_positions positions;
} fal_self_attention_params;

typedef struct fal_self_attention fal_self_attention;
fal_status fal_self_attention_create(const fal_self_attention_params *params, const fal_attention_weights *weights,
                                     fal_precision precision, fal_self_attention **out, fal_error *err);
void fal_self_attention_free(fal_self_attention **attention);

typedef struct fal_self_attention_args {
    float *input;           /* [rows, D]: what q, k and v are made from; is overwritten unless it is `x` */
    float *x;               /* [rows, D] += attention(input) */
    int64_t rows, sequence; /* rows of `sequence` tokens attend to each other; rows is a multiple of it */
    const float *positions; /* bucketed: bias [heads, 2 rows - 1] by j - i; relative: table [2 rows - 1, D] */
    const char *stage;      /* name for what is added to x; NULL: not shown */
} fal_self_attention_args;
fal_status fal_self_attention_run(const fal_self_attention *attention, fal_forward *pass,
                                  const fal_self_attention_args *args, fal_error *err);

/* The table of relative positions, [2 rows - 1, width]: row r is distance p = rows - 1 - r (query minus key);
 * table[r][2m] = sin(p w_m), table[r][2m+1] = cos(p w_m), w_m = 10000^(-2m/width). */
void fal_relative_table(int64_t rows, int64_t width, float *table);

/* The bucketed bias [heads, 2 rows - 1], entry j - i + rows - 1, from the learnt table [buckets, heads] (row-major):
 * half of the buckets for each direction; in each half the first half one bucket per distance, the rest logarithmic up
 * to max_distance (T5, Raffel et al. 2020). The logarithm is taken in float32, as upstream does. */
void fal_bucket_bias(const float *table, int64_t buckets, int64_t heads, int64_t max_distance, int64_t rows,
                     float *bias);

#endif
