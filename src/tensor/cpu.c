/* What this CPU offers, asked of oneDNN, so that DNNL_MAX_CPU_ISA limits our own kernels as well as the library's. */
#include "tensor/cpu.h"

#include "core/file.h"

#include <dnnl.h>
#include <stdio.h>
#include <string.h>

const char *fal_cpu_isa(void)
{
    switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41: return "SSE4.1";
    case dnnl_cpu_isa_avx: return "AVX";
    case dnnl_cpu_isa_avx2: return "AVX2";
    case dnnl_cpu_isa_avx2_vnni: return "AVX2, VNNI";
    case dnnl_cpu_isa_avx512_mic:
    case dnnl_cpu_isa_avx512_mic_4ops: return "AVX-512 (Xeon Phi)";
    case dnnl_cpu_isa_avx512_core: return "AVX-512";
    case dnnl_cpu_isa_avx512_core_vnni: return "AVX-512, VNNI";
    case dnnl_cpu_isa_avx512_core_bf16: return "AVX-512, bf16";
    case dnnl_cpu_isa_avx512_core_amx: return "AVX-512, AMX bf16";
    default: return "baseline";
    }
}

void fal_cpu_name(char *out, size_t size)
{
    static const char key[] = "model name\t: ";
    fal_buf text = {0};
    const char *at = NULL;
    if (fal_file_read("/proc/cpuinfo", 0, &text, NULL) == FAL_OK && text.length)
        at = strstr(text.data, key);
    const char *name = at ? at + strlen(key) : "";
    snprintf(out, size, "%.*s", (int)strcspn(name, "\n"), name);
    fal_buf_free(&text);
}

static bool effective_isa_has(dnnl_cpu_isa_t bits)
{
    return ((unsigned)dnnl_get_effective_cpu_isa() & (unsigned)bits) == (unsigned)bits;
}

/* Whoever has AVX2 and FMA converts float16 too (x86-64-v3). Asking cpuid for it costs some ten microseconds in a virtual
 * machine, and this is called by every operation. */
fal_cpu_level fal_cpu_level_get(void)
{
#if defined(__x86_64__)
    if (effective_isa_has(dnnl_cpu_isa_avx512_core))
        return FAL_CPU_AVX512;
    if (effective_isa_has(dnnl_cpu_isa_avx2) && __builtin_cpu_supports("fma"))
        return FAL_CPU_AVX2;
#endif
    return FAL_CPU_BASELINE;
}

/* Whether oneDNN multiplies bf16 matrices with bf16 units: its reference implementation does it too, at a thousandth of
 * the speed, and calls itself "ref...". */
static bool matmul_is_native(dnnl_engine_t engine)
{
    const dnnl_dims_t a_dims = {64, 64}, b_dims = {64, 64}, c_dims = {64, 64};
    dnnl_memory_desc_t a, b, c;
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;
    const char *impl = "";
    bool ok = dnnl_memory_desc_init_by_tag(&a, 2, a_dims, dnnl_bf16, dnnl_ab) == dnnl_success &&
              dnnl_memory_desc_init_by_tag(&b, 2, b_dims, dnnl_bf16, dnnl_format_tag_any) == dnnl_success &&
              dnnl_memory_desc_init_by_tag(&c, 2, c_dims, dnnl_f32, dnnl_ab) == dnnl_success &&
              dnnl_matmul_desc_init(&desc, &a, &b, NULL, &c) == dnnl_success &&
              dnnl_primitive_desc_create(&pd, &desc, NULL, engine, NULL) == dnnl_success &&
              dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &impl) == dnnl_success &&
              strncmp(impl, "ref", 3) != 0;
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    return ok;
}

bool fal_cpu_has_bf16(void)
{
    dnnl_engine_t engine;
    if (!effective_isa_has(dnnl_cpu_isa_avx512_core_bf16) || dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        return false;
    bool native = matmul_is_native(engine);
    dnnl_engine_destroy(engine);
    return native;
}
